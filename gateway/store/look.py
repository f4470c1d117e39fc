"""Looks into the store that are repeated several times a second, and mostly find nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from sqlalchemy import Select
from sqlalchemy.dialects import sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.store.database import Database

_SQLITE = sqlite.dialect(paramstyle="named")


class Look:
    """Whether a query has a row. Its bound parameters are given by name, when it is asked.

    A file is asked in the thread of the loop, by text that was made once: a fiftieth of what a transaction
    through the pool takes. It never waits for a lock there. PostgreSQL is asked as ever.
    """

    def __init__(self, database: Database, query: Select[Any]) -> None:
        self._database = database
        self._query = query.limit(1)
        compiled: Any = self._query.compile(dialect=_SQLITE)
        self._sql = str(compiled)
        self._fixed: dict[str, Any] = dict(compiled.params)
        self._written: dict[str, Callable[[Any], Any]] = {
            name: write
            for name, bind in compiled.binds.items()
            if (write := bind.type.dialect_impl(_SQLITE).bind_processor(_SQLITE)) is not None
        }

    async def finds(self, **values: Any) -> bool:
        """Who hears yes reads in a transaction, and may find that another was faster."""
        file = self._database.glances
        if file is None:
            return await self._database.read(lambda connection: self._asked(connection, values))
        given: dict[str, Any] = {**self._fixed, **values}
        for name, write in self._written.items():
            given[name] = write(given[name])
        try:
            return file.execute(self._sql, given).fetchone() is not None
        except sqlite3.Error:
            # What is wrong is for the transaction to find out, which can wait and try again.
            return True

    async def _asked(self, connection: AsyncConnection, values: dict[str, Any]) -> bool:
        return (await connection.execute(self._query, values)).first() is not None
