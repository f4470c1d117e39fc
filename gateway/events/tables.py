"""The tables of events. The migrations make them; a test holds the two together."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Date, Index, LargeBinary, String, Table, Text, text

from gateway.store.metadata import Seq, metadata
from gateway.store.moments import Moment

inbox = Table(
    "event_inbox",
    metadata,
    Column("seq", Seq, primary_key=True, autoincrement=True),
    Column("connection", String(32), nullable=False),
    Column("key", Text, nullable=False),
    Column("body", LargeBinary),
    Column("received_at", Moment, nullable=False, index=True),
    Column("due_at", Moment),
    sqlite_autoincrement=True,
)
"""Messages of the systems, as they came. ``due_at``: when a worker looks at it next; NULL once it is done
with. ``body`` goes then too; the row stays for a while, so that the same message is known again."""

Index("event_inbox_key", inbox.c.connection, inbox.c.key, unique=True)
Index(
    "event_inbox_pending",
    inbox.c.connection,
    inbox.c.seq,
    sqlite_where=text("due_at IS NOT NULL"),
    postgresql_where=text("due_at IS NOT NULL"),
)

dead_letter = Table(
    "event_dead_letter",
    metadata,
    Column("seq", Seq, primary_key=True, autoincrement=True),
    Column("connection", String(32), nullable=False),
    Column("key", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("reason", Text, nullable=False),
    Column("received_at", Moment, nullable=False),
    Column("failed_at", Moment, nullable=False),
)
"""Verified messages that cannot be understood. ``key`` is ``sha256:…`` where even that could not be read."""

Index("event_dead_letter_key", dead_letter.c.connection, dead_letter.c.key, unique=True)

journal = Table(
    "event_journal",
    metadata,
    Column("connection", String(32), primary_key=True),
    Column("record_type", String(20), primary_key=True),
    Column("record_id", Text, primary_key=True),
    Column("status", String(24)),
    Column("version", BigInteger),
    Column("customer", Text),
    Column("due_on", Date),
    Column("read_at", Moment),
)
"""The last known status of each object that was heard of. ``customer`` is a global id. ``due_on``: of
invoices, once it was read. ``read_at``: when the record itself was last asked."""

Index("event_journal_due", journal.c.record_type, journal.c.status, journal.c.due_on)

event_log = Table(
    "event_log",
    metadata,
    Column("seq", Seq, primary_key=True, autoincrement=True),
    Column("id", String(36), nullable=False, unique=True),
    Column("observed_at", Moment, nullable=False, index=True),
    Column("customer", Text),
    Column("body", LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)
"""The log. ``body`` is the event as JSON; ``customer`` the global id of whom it concerns."""

Index("event_log_customer", event_log.c.customer, event_log.c.seq)

outbox = Table(
    "event_outbox",
    metadata,
    Column("seq", Seq, primary_key=True, autoincrement=True),
    Column("id", String(36), nullable=False, unique=True),
    Column("body", LargeBinary, nullable=False),
)
"""Events on their way to the log, written in the transaction of what they tell."""

mark = Table(
    "event_mark",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
    Column("at", Moment, nullable=False),
)
"""How far something has got: ``fetch/<connection>`` in a system's changes, ``log/floor`` in forgetting."""

lease = Table(
    "event_lease",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("owner", String(36), nullable=False),
    Column("until", Moment, nullable=False),
)
"""Work that one gateway does at a time: ``inbox/<connection>``, ``fetch/<connection>``, ``outbox``…"""
