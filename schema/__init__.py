"""The public graph as data: types, enums, scalars, inputs, directives, ownership. No IO, no vendors."""
