"""Who asks, and what they may see and do: the port between authentication, policy and the graph.

A viewer is made once for a credential and shared by all its requests; everything here is a table look-up.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field

from adapters.contracts.vocabulary import System, Word
from resolvers.ids import Ref
from schema.ownership import Ownership


class Access(Word):
    """What becomes of a field that is asked for.

    ALLOWED:   it is read.
    MASKED:    it is read, and shown as ``resolvers.masks.masked`` leaves it.
    FORBIDDEN: it is null, with FORBIDDEN at its path, and is not fetched.
    """

    ALLOWED = "ALLOWED"
    MASKED = "MASKED"
    FORBIDDEN = "FORBIDDEN"


@dataclass(frozen=True, slots=True)
class Rows:
    """Which customers, and with them which of their objects. Everything given must hold; None asks nothing.

    customers:       these very customers; empty: none at all.
    portfolio:       those whose account manager has this e-mail address, in lower case.
    legal_entities:  those that one of these entities sells to, by their codes in the ERP; of their invoices
                     those that name no other entity.
    """

    customers: frozenset[Ref] | None = None
    portfolio: str | None = None
    legal_entities: frozenset[str] | None = None


def _nothing() -> Mapping[tuple[str, str], Access]:
    return {}


@dataclass(frozen=True, slots=True)
class Viewer:
    """A caller with its rights.

    subject:    who it is, for the audit: ``requestedBy`` of its commands.
    access:     equal for viewers with the same rights, masks and row limits: the key by which compiled plans,
                loads and events may be shared. Only commands, of which a viewer can be limited to its own,
                tell viewers of one access apart.
    rows:       None: all.
    scopes:     what the viewer holds, ``schema.scopes``.
    restricted: the fields that are not ALLOWED, by (type in the graph, name as Python spells it).
    mutations:  those it may ask for, as the graph spells them; None: all.
    """

    subject: str
    access: Hashable
    rows: Rows | None = None
    scopes: frozenset[str] = frozenset()
    restricted: Mapping[tuple[str, str], Access] = field(default_factory=_nothing, repr=False)
    mutations: frozenset[str] | None = None

    def field(self, type_name: str, name: str) -> Access:
        """What becomes of a field: its type's name in the graph, its own as Python spells it."""
        return self.restricted.get((type_name, name), Access.ALLOWED)

    def reads(self, type_name: str) -> bool:
        """Whether it knows of objects of a type at all. Of other types nothing is fetched, not even ids."""
        return self.restricted.get((type_name, "id")) is not Access.FORBIDDEN

    def reads_system(self, ownership: Ownership, type_name: str, system: System) -> bool:
        """Whether it may read anything that a system owns of a type: else not even that it has a record."""
        return not self.restricted or any(
            entry.system is system and self.field(type_name, entry.name) is not Access.FORBIDDEN
            for entry in ownership
            if entry.type == type_name
        )

    @property
    def reads_all_commands(self) -> bool:
        """Whether it sees the commands of everybody. A viewer limited to some customers sees its own only."""
        return self.rows is None and bool(self.scopes & {EVERY_SCOPE, "command:read"})

    def may(self, mutation: str) -> bool:
        """Whether it may ask for a mutation, as the graph spells it."""
        return self.mutations is None or mutation in self.mutations


EVERY_SCOPE = "*"
"""Stands for all scopes in ``Viewer.scopes``."""

UNRESTRICTED = Viewer("unrestricted", "unrestricted", scopes=frozenset({EVERY_SCOPE}))
"""Sees and does everything."""
