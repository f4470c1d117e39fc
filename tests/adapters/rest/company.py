"""A REST adapter over one small list that is served in any style of paging."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from adapters.emulation.faults import Misbehaving
from adapters.rest.adapter import RestAdapter
from adapters.rest.settings import RestSettings
from tests.support.rest_system import KEY, Collection, error_body, rest_system
from tests.support.server import serving

SUBSCRIPTIONS = {
    "fields": {"id": "id", "customer_in_crm": "account", "quantity": "seats"},
    "ids": "ids",
}


def rows(count: int) -> list[dict[str, Any]]:
    """``s00``, ``s01``, …: three to an account, ``a0``, ``a1``, …"""
    return [{"id": f"s{n:02}", "account": f"a{n // 3}", "seats": n} for n in range(count)]


@contextlib.contextmanager
def company(
    served: Collection, section: Mapping[str, Any], **settings: Any
) -> Iterator[tuple[RestAdapter, Misbehaving]]:
    """The adapter, with ``section`` added to what it is told of subscriptions, and the server before it."""
    front = Misbehaving(rest_system({"subs": served}), error_body)
    with serving(front) as base_url:
        yield (
            RestAdapter(
                "company",
                RestSettings.model_validate(
                    {
                        "base_url": base_url,
                        "auth": {"kind": "header", "name": "X-Company-Key", "value": KEY},
                        "resources": {"Subscription": {"path": "/api/subs", **SUBSCRIPTIONS, **section}},
                        **settings,
                    }
                ),
            ),
            front,
        )
