"""How callers reach the graph."""
