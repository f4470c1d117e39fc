"""API keys in the database: made, listed, revoked, and found by what a caller presents."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.auth.mark import Mark
from gateway.auth.tables import api_key
from gateway.store.database import Database

PREFIX = "fgk_"
CHANNEL = "fieldgate_keys"
_FORM = re.compile(r"fgk_[a-z0-9]{12}_[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is kept."""

    id: str
    name: str
    roles: tuple[str, ...]
    email: str | None
    customer: str | None
    legal_entities: tuple[str, ...] | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    @property
    def shown(self) -> str:
        """What may be shown of it."""
        return f"{PREFIX}{self.id}_…"

    def usable(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key to make. ``expires_at``: None: never."""

    name: str
    roles: tuple[str, ...]
    expires_at: datetime | None = None
    email: str | None = None
    customer: str | None = None
    legal_entities: tuple[str, ...] | None = None


class KeyStore:
    """The keys of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, new: NewKey) -> str:
        """Makes a key, and gives it: it is never to be had again."""
        own_id = secrets.token_hex(6)
        key = f"{PREFIX}{own_id}_{secrets.token_urlsafe(32)}"
        values = {
            "id": own_id,
            "hash": hash_of(key),
            "name": new.name,
            "roles": " ".join(new.roles),
            "email": new.email,
            "customer": new.customer,
            "legal_entities": None if new.legal_entities is None else " ".join(new.legal_entities),
            "created_at": datetime.now(UTC),
            "expires_at": new.expires_at,
        }

        async def work(tx: AsyncConnection) -> None:
            await tx.execute(insert(api_key).values(values))

        await self._database.write(work)
        return key

    async def revoke(self, own_id: str) -> bool:
        """Takes a key back, at once and for good. False where there is none of that id, or none any more."""
        query = (
            update(api_key)
            .where(api_key.c.id == own_id, api_key.c.revoked_at.is_(None))
            .values(revoked_at=datetime.now(UTC))
        )

        async def work(tx: AsyncConnection) -> bool:
            done = (await tx.execute(query)).rowcount == 1
            if done and not self._database.is_sqlite:
                await tx.execute(text(f"NOTIFY {CHANNEL}"))
            return done

        done = await self._database.write(work)
        if done and self._database.file is not None:
            mark = Mark(self._database.file)
            mark.change()
            mark.close()
        return done

    async def all(self) -> Sequence[ApiKey]:
        """Every key, oldest first."""

        async def work(tx: AsyncConnection) -> list[ApiKey]:
            rows = await tx.execute(select(api_key).order_by(api_key.c.created_at, api_key.c.id))
            return [_key(row) for row in rows.mappings()]

        return await self._database.read(work)

    async def find(self, presented: str) -> ApiKey | None:
        """The key that a caller presents, usable or not; None for what was never made here."""
        if not _FORM.fullmatch(presented):
            return None

        async def work(tx: AsyncConnection) -> ApiKey | None:
            query = select(api_key).where(api_key.c.hash == hash_of(presented))
            row = (await tx.execute(query)).mappings().one_or_none()
            return None if row is None else _key(row)

        return await self._database.read(work)

    async def revoked(self) -> frozenset[str]:
        """The ids of the keys that were taken back."""

        async def work(tx: AsyncConnection) -> frozenset[str]:
            rows = await tx.execute(select(api_key.c.id).where(api_key.c.revoked_at.is_not(None)))
            return frozenset(row.id for row in rows)

        return await self._database.read(work)


REVISION = str(select(func.count()).select_from(api_key).where(api_key.c.revoked_at.is_not(None)).compile())
"""How many keys were ever revoked, as SQL: it grows with each revocation, and with nothing else."""


def hash_of(key: str) -> str:
    """What is kept of a key. Its 256 random bits cannot be guessed, and need no slow hash."""
    return hashlib.sha256(key.encode()).hexdigest()


def _key(row: Mapping[Any, Any]) -> ApiKey:
    entities: str | None = row["legal_entities"]
    return ApiKey(
        id=row["id"],
        name=row["name"],
        roles=tuple(row["roles"].split()),
        email=row["email"],
        customer=row["customer"],
        legal_entities=None if entities is None else tuple(entities.split()),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
    )
