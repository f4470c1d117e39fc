"""Planned execution: an operation is compiled once, fetched in rounds, and assembled by generated code."""
