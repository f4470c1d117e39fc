"""Records as they were read just before a write, and named to the server by their timestamps.

``_timestamp`` is an opaque text that moves with every change. Given back in the context of a write, it makes
Tryton refuse the write where it no longer holds (``ModelSQL.__check_timestamp``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from adapters.contracts.errors import Conflict, NotFound
from adapters.contracts.fields import Row
from adapters.contracts.writes import Write
from adapters.tryton.client import TrytonClient
from adapters.tryton.domain import Domain
from adapters.tryton.wire import moment

TIMESTAMP = "_timestamp"
STAMPS = ("write_date", "create_date", TIMESTAMP)


async def read_one(client: TrytonClient, model: str, domain: Domain, fields: Iterable[str]) -> Row:
    """The record that the domain finds. ``NotFound`` where there is none that the user can see."""
    rows = await client.search_read(model, domain, list(dict.fromkeys(fields)), limit=1)
    if not rows:
        raise NotFound(f"Tryton: there is no such {model}")
    return rows[0]


def require_unmodified(write: Write, row: Row) -> None:
    """``Conflict`` where the record changed after the time that the caller knows of."""
    changed_at = moment(row["write_date"] or row["create_date"])
    if write.unmodified_since is not None and changed_at is not None and changed_at > write.unmodified_since:
        raise Conflict("the record was changed in the meantime", vendor_code="stale")


def timestamps(write: Write, rows: Iterable[tuple[str, Row]]) -> Mapping[str, str]:
    """The rows under their models, for the server to compare; none where the caller did not ask for it."""
    if write.unmodified_since is None:
        return {}
    return {f"{model},{row['id']}": row[TIMESTAMP] for model, row in rows}
