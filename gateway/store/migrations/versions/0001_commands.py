"""Commands, their attempts, and the audit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.store.moments import Moment

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_SEQ = sa.BigInteger().with_variant(sa.Integer, "sqlite")

_APPEND_ONLY = {
    "sqlite": (
        "CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit "
        "BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END",
        "CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit "
        "BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END",
    ),
    "postgresql": (
        "CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the audit is append-only'; END $$",
        "CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()",
    ),
}


def upgrade() -> None:
    op.create_table(
        "command",
        sa.Column("seq", _SEQ, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(36), nullable=False, unique=True),
        sa.Column("verb", sa.String(40), nullable=False),
        sa.Column("status", sa.String(12), nullable=False),
        sa.Column("system", sa.String(20), nullable=False),
        sa.Column("connection", sa.String(32), nullable=False),
        sa.Column("record_type", sa.String(20), nullable=False),
        sa.Column("record_id", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("correlation_id", sa.Text, nullable=False),
        sa.Column("changes", sa.Text, nullable=False),
        sa.Column("options", sa.Text, nullable=False),
        sa.Column("unmodified_since", Moment),
        sa.Column("idempotency_key", sa.Text, nullable=False),
        sa.Column("key_held", sa.Boolean, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("requested_by", sa.Text),
        sa.Column("requested_at", Moment, nullable=False),
        sa.Column("deadline", Moment, nullable=False),
        sa.Column("deferred", sa.Boolean, nullable=False),
        sa.Column("head", sa.Boolean, nullable=False),
        sa.Column("due_at", Moment, nullable=False),
        sa.Column("lease_owner", sa.String(36)),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("unanswered", sa.Integer, nullable=False),
        sa.Column("in_doubt", sa.Boolean, nullable=False),
        sa.Column("finished_at", Moment),
        sa.Column("fault", sa.String(40)),
        sa.Column("vendor_code", sa.Text),
        sa.Column("message", sa.Text),
        sa.Column("result_id", sa.Text),
    )
    _partial("command_key", "key_held", ["verb", "idempotency_key"], unique=True)
    _partial("command_head", "head", ["connection", "record_type", "record_id"], unique=True)
    _partial("command_due", "head", ["connection", "deferred", "due_at"])
    op.create_index(
        "command_queue",
        "command",
        ["connection", "record_type", "record_id", "seq"],
        sqlite_where=sa.text("finished_at IS NULL"),
        postgresql_where=sa.text("finished_at IS NULL"),
    )
    op.create_index("command_status", "command", ["status", "seq"])
    op.create_index("command_target", "command", ["target", "seq"])
    op.create_table(
        "command_attempt",
        sa.Column("command_seq", _SEQ, sa.ForeignKey("command.seq"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("worker", sa.String(36), nullable=False),
        sa.Column("started_at", Moment, nullable=False),
        sa.Column("finished_at", Moment),
        sa.Column("outcome", sa.String(12)),
        sa.Column("error", sa.Text),
    )
    op.create_table(
        "audit",
        sa.Column("seq", _SEQ, primary_key=True, autoincrement=True),
        sa.Column("at", Moment, nullable=False),
        sa.Column("actor", sa.Text),
        sa.Column("action", sa.String(12), nullable=False),
        sa.Column("command_id", sa.String(36), nullable=False),
        sa.Column("correlation_id", sa.Text, nullable=False),
        sa.Column("verb", sa.String(40), nullable=False),
        sa.Column("system", sa.String(20), nullable=False),
        sa.Column("connection", sa.String(32), nullable=False),
        sa.Column("record_type", sa.String(20), nullable=False),
        sa.Column("record_id", sa.Text, nullable=False),
        sa.Column("before", sa.String(12)),
        sa.Column("after", sa.String(12), nullable=False),
        sa.Column("attempt", sa.Integer),
        sa.Column("fields", sa.Text),
        sa.Column("fault", sa.String(40)),
        sa.Column("vendor_code", sa.Text),
        sa.Column("message", sa.Text),
        sa.Column("result_id", sa.Text),
    )
    op.create_index("ix_audit_command_id", "audit", ["command_id"])
    for statement in _APPEND_ONLY[op.get_context().dialect.name]:
        op.execute(statement)


def _partial(name: str, flag: str, columns: list[str], *, unique: bool = False) -> None:
    op.create_index(
        name,
        "command",
        columns,
        unique=unique,
        sqlite_where=sa.text(f"{flag} = 1"),
        postgresql_where=sa.text(flag),
    )
