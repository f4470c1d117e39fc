"""Stripe's objects in the store: whole documents, with the columns that lists filter by.

``seq`` is the order of creation; Stripe's lists go through it backwards.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import msgspec

from adapters.emulation.store import insert_many

SCHEMA = """
CREATE TABLE IF NOT EXISTS stripe_object (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    object TEXT NOT NULL,
    created INTEGER,
    customer TEXT,
    payment_intent TEXT,
    charge TEXT,
    email TEXT,
    type TEXT,
    deleted INTEGER NOT NULL,
    doc BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS stripe_object_list ON stripe_object (object, deleted, seq);
CREATE INDEX IF NOT EXISTS stripe_object_customer ON stripe_object (object, customer, seq);
CREATE INDEX IF NOT EXISTS stripe_object_intent ON stripe_object (payment_intent, object, seq);
CREATE INDEX IF NOT EXISTS stripe_object_charge ON stripe_object (charge, object, seq);
CREATE INDEX IF NOT EXISTS stripe_object_email ON stripe_object (email, object, seq);
"""

_FILTERS = ("customer", "payment_intent", "charge", "email", "type")
_COLUMNS = ("id", "object", "created", *_FILTERS, "deleted", "doc")
_BOUNDS: Mapping[str, str] = {"eq": "=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}

Document = dict[str, Any]


class Objects:
    """The store's documents by id, and in lists."""

    def __init__(self, store: sqlite3.Connection) -> None:
        self.store = store

    def create_tables(self) -> None:
        self.store.executescript(SCHEMA)

    def put(self, documents: Iterable[Document]) -> None:
        """Adds documents in the order of their creation."""
        insert_many(self.store, "stripe_object", _COLUMNS, map(_row, documents))

    def add(self, document: Document) -> None:
        """Adds one, in the transaction of the caller."""
        places = ", ".join("?" for _ in _COLUMNS)
        self.store.execute(
            f"INSERT INTO stripe_object ({', '.join(_COLUMNS)}) VALUES ({places})", _row(document)
        )

    def replace(self, document: Document) -> None:
        """Changes a document that is there; its place in lists stays."""
        changes = ", ".join(f"{column} = ?" for column in _COLUMNS[1:])
        id, *values = _row(document)
        self.store.execute(f"UPDATE stripe_object SET {changes} WHERE id = ?", (*values, id))

    def get(self, kind: str, id: str) -> Document | None:
        """A document, a deleted one's remains included."""
        found = self.store.execute(
            "SELECT doc FROM stripe_object WHERE id = ? AND object = ?", (id, kind)
        ).fetchone()
        return None if found is None else _document(found["doc"])

    def place(self, kind: str, id: str) -> int | None:
        """Where a document stands in its lists."""
        found = self.store.execute(
            "SELECT seq FROM stripe_object WHERE id = ? AND object = ?", (id, kind)
        ).fetchone()
        return None if found is None else found["seq"]

    def newest(
        self,
        kind: str,
        *,
        where: Mapping[str, str],
        created: Mapping[str, int] | None = None,
        types: Sequence[str] = (),
        before: int | None = None,
        after: int | None = None,
        rows: int,
    ) -> list[Document]:
        """At most ``rows`` documents, newest first.

        before: only those created before this place. after: only those created after it, the nearest
        ones to it.
        """
        clauses, values = ["object = ?", "deleted = 0"], list[Any]([kind])
        for column, value in where.items():
            if column not in _FILTERS:
                raise ValueError(f"no list of Stripe's is filtered by {column}")
            clauses.append(f"{column} = ?")
            values.append(value)
        for bound, seconds in (created or {}).items():
            clauses.append(f"created {_BOUNDS[bound]} ?")
            values.append(seconds)
        if types:
            clauses.append(f"type IN ({', '.join('?' for _ in types)})")
            values.extend(types)
        for operator, place in (("<", before), (">", after)):
            if place is not None:
                clauses.append(f"seq {operator} ?")
                values.append(place)
        direction = "ASC" if after is not None else "DESC"
        found = self.store.execute(
            f"SELECT doc FROM stripe_object WHERE {' AND '.join(clauses)} ORDER BY seq {direction} LIMIT ?",
            (*values, rows),
        ).fetchall()
        documents = [_document(row["doc"]) for row in found]
        return documents[::-1] if after is not None else documents


def _row(document: Document) -> tuple[Any, ...]:
    filters = (document.get(column) for column in _FILTERS)
    return (
        document["id"],
        document["object"],
        document.get("created"),
        *filters,
        int(bool(document.get("deleted"))),
        msgspec.json.encode(document),
    )


def _document(raw: bytes) -> Document:
    return cast(Document, msgspec.json.decode(raw))
