"""The one SQLite file under all emulators, so that what is written is read back."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Generator, Iterable, Sequence
from pathlib import Path
from typing import Any


def open_store(path: Path | str) -> sqlite3.Connection:
    """Opens the file. Emulators name their tables with their vendor's name in front (``stripe_customer``).

    Autocommit: a statement is durable when it returns; ``with store:`` is no transaction here, use
    ``transaction`` for several statements.
    """
    store = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    store.row_factory = sqlite3.Row
    store.execute("PRAGMA journal_mode=WAL")
    store.execute("PRAGMA synchronous=OFF")
    store.execute("PRAGMA busy_timeout=10000")
    return store


@contextlib.contextmanager
def transaction(store: sqlite3.Connection) -> Generator[None]:
    """All statements or none. Must not be held over an ``await``: every emulator shares the connection."""
    store.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        store.execute("ROLLBACK")
        raise
    store.execute("COMMIT")


def insert_many(
    store: sqlite3.Connection, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    """Inserts rows in one transaction. Table and column names are the emulator's own, never a request's."""
    places = ", ".join("?" for _ in columns)
    with transaction(store):
        store.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})", rows)  # noqa: S608
