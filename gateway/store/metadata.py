"""The tables of the durable store, of every part of the gateway that keeps something there."""

from __future__ import annotations

from sqlalchemy import BigInteger, Integer, MetaData

metadata = MetaData()

# SQLite numbers rows by itself only where the key is spelled INTEGER.
Seq = BigInteger().with_variant(Integer, "sqlite")
