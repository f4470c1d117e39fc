"""Durable commands: writes that are kept before they are sent, and never lost or done twice."""
