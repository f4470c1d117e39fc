"""The databases that commands are kept in: a new one for each run, of either kind."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tests.support.postgresql import postgresql

STORES = ("SQLite", "PostgreSQL")

StateSection = Callable[[], Mapping[str, Any]]
"""Gives what the section ``state`` of a configuration says about another new database."""


@contextlib.contextmanager
def store(kind: str, *, durable: bool = False) -> Iterator[StateSection]:
    """Databases of one of ``STORES``. Raises ``CannotStart`` where there is no PostgreSQL.

    durable: whether PostgreSQL is to outlive a power cut, as SQLite always does here.
    """
    if kind == "SQLite":
        # A file in the gateway's own folder.
        yield dict
        return
    with postgresql(durable=durable) as server:
        yield lambda: {"database": server.fresh().render_as_string(hide_password=False)}
