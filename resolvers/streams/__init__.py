"""Streams: the root of GraphQL subscriptions, a file per field."""
