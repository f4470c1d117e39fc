"""Documents that are asked for by their hash."""
