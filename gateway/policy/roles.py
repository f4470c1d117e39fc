"""The roles that are built in. A configuration can add others, and put its own in the place of these."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from gateway.policy.settings import Personal, RoleSettings, RowSettings
from schema.scopes import SCOPES

_PROFILE = ("customer:read", "subscription:read", "contract:read", "event:read")
_READS = tuple(scope for scope in SCOPES if scope.endswith(":read"))

ROLES: Mapping[str, RoleSettings] = MappingProxyType(
    {
        "admin": RoleSettings(
            description="Reads and writes everything.",
            scopes=tuple(SCOPES),
            personal=Personal.CLEAR,
        ),
        "support": RoleSettings(
            description="Helps customers: reads all but the ledger, keeps profiles, acts on subscriptions.",
            scopes=(
                *_PROFILE,
                "billing:read",
                "invoice:read",
                "payment:read",
                "system:read",
                "customer:write",
                "subscription:write",
            ),
            personal=Personal.CLEAR,
        ),
        "finance": RoleSettings(
            description="Reads everything of money, posts and voids invoices, collects and refunds payments.",
            scopes=(
                *_PROFILE,
                "billing:read",
                "invoice:read",
                "payment:read",
                "ledger:read",
                "command:read",
                "system:read",
                "billing:write",
                "invoice:write",
                "payment:write",
                "payment:refund",
                "command:operate",
            ),
            personal=Personal.CLEAR,
        ),
        "sales": RoleSettings(
            description="Sells: profiles, subscriptions and invoices; no payments, no ledger.",
            scopes=(*_PROFILE, "invoice:read", "customer:write"),
            personal=Personal.CLEAR,
        ),
        "developer": RoleSettings(
            description="Builds on the API: reads everything, personal fields masked, and writes nothing.",
            scopes=_READS,
        ),
        "auditor": RoleSettings(
            description="Reads everything, the commands of all included, personal fields masked.",
            scopes=tuple(scope for scope in _READS if scope not in {"plan:read"}),
        ),
        "widget": RoleSettings(
            description="A widget in another system's page: one customer's state, without personal fields.",
            scopes=("customer:read", "subscription:read", "invoice:read", "payment:read", "event:read"),
            rows=RowSettings(one_customer=True),
        ),
    }
)
