"""A company's own REST systems, described in configuration."""
