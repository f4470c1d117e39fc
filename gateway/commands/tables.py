"""The tables of commands. The migrations make them; a test holds the two together."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, Text, text

from gateway.store.metadata import Seq, metadata
from gateway.store.moments import Moment

command = Table(
    "command",
    metadata,
    Column("seq", Seq, primary_key=True, autoincrement=True),
    Column("id", String(36), nullable=False, unique=True),
    Column("verb", String(40), nullable=False),
    Column("status", String(12), nullable=False),
    Column("system", String(20), nullable=False),
    Column("connection", String(32), nullable=False),
    Column("record_type", String(20), nullable=False),
    Column("record_id", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("correlation_id", Text, nullable=False),
    Column("changes", Text, nullable=False),
    Column("options", Text, nullable=False),
    Column("unmodified_since", Moment),
    Column("idempotency_key", Text, nullable=False),
    Column("key_held", Boolean, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("requested_by", Text),
    Column("requested_at", Moment, nullable=False),
    Column("deadline", Moment, nullable=False),
    Column("deferred", Boolean, nullable=False),
    Column("head", Boolean, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("lease_owner", String(36)),
    Column("attempts", Integer, nullable=False),
    Column("unanswered", Integer, nullable=False),
    Column("in_doubt", Boolean, nullable=False),
    Column("finished_at", Moment),
    Column("fault", String(40)),
    Column("vendor_code", Text),
    Column("message", Text),
    Column("result_id", Text),
)
"""``head``: the first unfinished command of its object, the only one that may run.
``due_at``: when a worker next looks at it: its next attempt, or the end of the lease of its worker.
``unanswered``: attempts that may have arrived, and were then found not done.
``in_doubt``: given up while it may have been done."""

Index(
    "command_key",
    command.c.verb,
    command.c.idempotency_key,
    unique=True,
    sqlite_where=text("key_held = 1"),
    postgresql_where=text("key_held"),
)
Index(
    "command_head",
    command.c.connection,
    command.c.record_type,
    command.c.record_id,
    unique=True,
    sqlite_where=text("head = 1"),
    postgresql_where=text("head"),
)
Index(
    "command_due",
    command.c.connection,
    command.c.deferred,
    command.c.due_at,
    sqlite_where=text("head = 1"),
    postgresql_where=text("head"),
)
Index(
    "command_queue",
    command.c.connection,
    command.c.record_type,
    command.c.record_id,
    command.c.seq,
    sqlite_where=text("finished_at IS NULL"),
    postgresql_where=text("finished_at IS NULL"),
)
Index("command_status", command.c.status, command.c.seq)
Index("command_target", command.c.target, command.c.seq)
Index("command_finished", command.c.finished_at)

attempt = Table(
    "command_attempt",
    metadata,
    Column("command_seq", Seq, ForeignKey("command.seq"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("worker", String(36), nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("finished_at", Moment),
    Column("outcome", String(12)),
    Column("error", Text),
)

audit = Table(
    "audit",
    metadata,
    Column("seq", Seq, primary_key=True, autoincrement=True),
    Column("at", Moment, nullable=False),
    Column("actor", Text),
    Column("action", String(12), nullable=False),
    Column("command_id", String(36), nullable=False, index=True),
    Column("correlation_id", Text, nullable=False),
    Column("verb", String(40), nullable=False),
    Column("system", String(20), nullable=False),
    Column("connection", String(32), nullable=False),
    Column("record_type", String(20), nullable=False),
    Column("record_id", Text, nullable=False),
    Column("before", String(12)),
    Column("after", String(12), nullable=False),
    Column("attempt", Integer),
    Column("fields", Text),
    Column("fault", String(40)),
    Column("vendor_code", Text),
    Column("message", Text),
    Column("result_id", Text),
)
"""Append-only: the database itself refuses to change or delete a row."""
