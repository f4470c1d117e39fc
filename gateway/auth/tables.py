"""The table of API keys. Their secrets are nowhere; what is kept is enough to know one again."""

from __future__ import annotations

from sqlalchemy import Column, String, Table, Text

from gateway.store.metadata import metadata
from gateway.store.moments import Moment

api_key = Table(
    "api_key",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("hash", String(64), nullable=False, unique=True),
    Column("name", String(64), nullable=False),
    Column("roles", Text, nullable=False),
    Column("email", Text),
    Column("customer", Text),
    Column("legal_entities", Text),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment),
    Column("revoked_at", Moment),
)
"""id: the part of the key that may be shown. hash: SHA-256 of the whole key, in hex. roles, legal_entities:
names with spaces between; customer: a global id."""
