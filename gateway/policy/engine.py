"""The policy of one gateway: from a principal to the viewer that the graph asks.

What a set of scopes may read is worked out once, and shared by all viewers that hold it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from cachetools import LRUCache
from strawberry.utils.str_converters import to_camel_case, to_snake_case

from gateway.policy.principal import Principal
from gateway.policy.roles import ROLES
from gateway.policy.settings import Personal, PolicySettings, RoleSettings
from resolvers.viewer import Access, Rows, Viewer
from schema.personal import personal_fields
from schema.scopes import MUTATIONS, READS, SCOPES, Key

ROOTS = frozenset({"Query", "Mutation", "StatusStream"})
_KEPT = 1_000


class PolicyError(ValueError):
    """The section ``policy`` cannot be used. ``path`` leads to the key at fault."""

    def __init__(self, path: tuple[str, ...], message: str) -> None:
        super().__init__(message)
        self.path = path


@dataclass(frozen=True, slots=True)
class Role:
    """A role as it is here: its scopes with those of what it extends, and what bounds it."""

    name: str
    settings: RoleSettings
    scopes: frozenset[str]

    @property
    def personal(self) -> Personal:
        return self.settings.personal


@dataclass(frozen=True, slots=True)
class _Rights:
    restricted: Mapping[Key, Access]
    mutations: frozenset[str]


_OPEN = (Personal.CLEAR, Personal.MASKED, Personal.REFUSED)


class Policy:
    """Roles, scopes, and what they open. Raises ``PolicyError`` for a configuration that cannot be meant."""

    def __init__(self, settings: PolicySettings | None = None) -> None:
        settings = settings or PolicySettings()
        self._declared = {**ROLES, **settings.roles}
        self.reads: dict[Key, frozenset[str]] = dict(READS)
        self.mutations: dict[str, frozenset[str]] = dict(MUTATIONS)
        for key, scopes in settings.fields.items():
            self._require(key, frozenset(scopes))
        self.scopes = frozenset(SCOPES).union(*self.reads.values(), *self.mutations.values())
        self.roles = {name: self._role(name, ()) for name in self._declared}
        self._personal = personal_fields()
        self._rights: LRUCache[tuple[frozenset[str], Personal], _Rights] = LRUCache(_KEPT)

    def viewer(self, principal: Principal) -> Viewer:
        """What the principal may see and do. Limits of rows hold together, whatever gave them."""
        roles = [self.roles[name] for name in principal.roles if name in self.roles]
        scopes = (principal.scopes & self.scopes).union(*(role.scopes for role in roles))
        personal = min((role.personal for role in roles), key=_OPEN.index, default=Personal.MASKED)
        rights = self._rights_of(scopes, personal)
        rows = _rows(principal, roles)
        return Viewer(
            principal.subject,
            (scopes, personal, rows),
            rows,
            scopes,
            rights.restricted,
            rights.mutations,
        )

    def personal(self) -> frozenset[Key]:
        """The fields that tell of a person."""
        return self._personal

    def explained(self, role: str) -> Iterator[tuple[str, str, str]]:
        """For each field and mutation, what a role is answered, and the scopes that it takes.

        The answers are those of ``resolvers.viewer.Access``; ALLOWED and FORBIDDEN for mutations.
        """
        viewer = self.viewer(Principal("nobody", (role,)))
        for key in sorted(self.reads.keys() | self._personal):
            needed = " ".join(sorted(self.reads.get(key, ())))
            yield graph_name(key), viewer.field(*key).value, needed
        for name, needed in sorted(self.mutations.items()):
            access = Access.ALLOWED if viewer.may(name) else Access.FORBIDDEN
            yield f"Mutation.{name}", access.value, " ".join(sorted(needed))

    def _rights_of(self, scopes: frozenset[str], personal: Personal) -> _Rights:
        found = self._rights.get((scopes, personal))
        if found is None:
            found = self._rights[scopes, personal] = self._work_out(scopes, personal)
        return found

    def _work_out(self, scopes: frozenset[str], personal: Personal) -> _Rights:
        restricted: dict[Key, Access] = {}
        if personal is not Personal.CLEAR:
            veiled = Access.MASKED if personal is Personal.MASKED else Access.FORBIDDEN
            restricted = dict.fromkeys(self._personal, veiled)
        restricted |= {key: Access.FORBIDDEN for key, needed in self.reads.items() if not needed <= scopes}
        mutations = frozenset(name for name, needed in self.mutations.items() if needed <= scopes)
        return _Rights(restricted, mutations)

    def _require(self, key: str, scopes: frozenset[str]) -> None:
        type_name, _, field = key.partition(".")
        if type_name == "Mutation" and field in self.mutations:
            self.mutations[field] = scopes
            return
        name = (type_name, to_snake_case(field))
        if name not in self.reads and name not in personal_fields():
            raise PolicyError(("fields", key), "no field that policy decides on; docs/policy.md lists them")
        if name[1] == "records":
            raise PolicyError(("fields", key), "cannot be null; refuse the fields of a system instead")
        self.reads[name] = scopes

    def _role(self, name: str, seen: tuple[str, ...]) -> Role:
        settings = self._declared[name]
        # Whoever is built in to do everything may do what the configuration adds too.
        scopes = set(self.scopes if settings is ROLES["admin"] else settings.scopes)
        for other in settings.extends:
            # A built-in role that is put in the place of itself extends the one that is built in.
            if other == name and name in ROLES and settings is not ROLES[name]:
                scopes |= set(ROLES[name].scopes)
                continue
            if other not in self._declared:
                raise PolicyError(("roles", name, "extends"), f"there is no role {other}")
            if other in (*seen, name):
                raise PolicyError(("roles", name, "extends"), f"{other} extends {name} itself")
            scopes |= self._role(other, (*seen, name)).scopes
        scopes -= set(settings.without)
        unknown = (scopes | set(settings.without)) - self.scopes
        if unknown:
            message = f"there is no scope {', '.join(sorted(unknown))}; docs/policy.md lists them"
            raise PolicyError(("roles", name, "scopes"), message)
        return Role(name, settings, frozenset(scopes))


def _rows(principal: Principal, roles: Sequence[Role]) -> Rows | None:
    rows = Rows(principal.customers, None, principal.legal_entities)
    for role in roles:
        limits = role.settings.rows
        if limits.one_customer and rows.customers is None:
            rows = replace(rows, customers=frozenset())
        if limits.own_portfolio:
            # Nobody's account manager has an empty address.
            rows = replace(rows, portfolio=(principal.email or "").lower())
        if limits.own_legal_entities and rows.legal_entities is None:
            rows = replace(rows, legal_entities=frozenset())
        if limits.legal_entities:
            own = frozenset(limits.legal_entities)
            known = rows.legal_entities
            rows = replace(rows, legal_entities=own if known is None else known & own)
    return None if rows == Rows() else rows


def graph_name(key: Key) -> str:
    """A field as the graph spells it, ``Customer.taxId``."""
    return f"{key[0]}.{to_camel_case(key[1])}"
