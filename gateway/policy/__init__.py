"""Who may read and write what: roles and scopes, from the configuration to a viewer of the graph."""
