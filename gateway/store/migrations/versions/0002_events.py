"""Events: the inbox, dead letters, the journal of statuses, the log, its outbox, marks, and leases."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.store.moments import Moment

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_SEQ = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_PENDING = sa.text("due_at IS NOT NULL")


def upgrade() -> None:
    op.create_index("command_finished", "command", ["finished_at"])
    op.create_table(
        "event_inbox",
        sa.Column("seq", _SEQ, primary_key=True, autoincrement=True),
        sa.Column("connection", sa.String(32), nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary),
        sa.Column("received_at", Moment, nullable=False),
        sa.Column("due_at", Moment),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_event_inbox_received_at", "event_inbox", ["received_at"])
    op.create_index("event_inbox_key", "event_inbox", ["connection", "key"], unique=True)
    op.create_index(
        "event_inbox_pending",
        "event_inbox",
        ["connection", "seq"],
        sqlite_where=_PENDING,
        postgresql_where=_PENDING,
    )
    op.create_table(
        "event_dead_letter",
        sa.Column("seq", _SEQ, primary_key=True, autoincrement=True),
        sa.Column("connection", sa.String(32), nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("received_at", Moment, nullable=False),
        sa.Column("failed_at", Moment, nullable=False),
    )
    op.create_index("event_dead_letter_key", "event_dead_letter", ["connection", "key"], unique=True)
    op.create_table(
        "event_journal",
        sa.Column("connection", sa.String(32), primary_key=True),
        sa.Column("record_type", sa.String(20), primary_key=True),
        sa.Column("record_id", sa.Text, primary_key=True),
        sa.Column("status", sa.String(24)),
        sa.Column("version", sa.BigInteger),
        sa.Column("customer", sa.Text),
        sa.Column("due_on", sa.Date),
        sa.Column("read_at", Moment),
    )
    op.create_index("event_journal_due", "event_journal", ["record_type", "status", "due_on"])
    op.create_table(
        "event_log",
        sa.Column("seq", _SEQ, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(36), nullable=False, unique=True),
        sa.Column("observed_at", Moment, nullable=False),
        sa.Column("customer", sa.Text),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_event_log_observed_at", "event_log", ["observed_at"])
    op.create_index("event_log_customer", "event_log", ["customer", "seq"])
    op.create_table(
        "event_outbox",
        sa.Column("seq", _SEQ, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(36), nullable=False, unique=True),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "event_mark",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("at", Moment, nullable=False),
    )
    op.create_table(
        "event_lease",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("owner", sa.String(36), nullable=False),
        sa.Column("until", Moment, nullable=False),
    )
