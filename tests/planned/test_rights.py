"""Who shares a plan: viewers whose rights differ in nothing that is selected."""

from __future__ import annotations

import pytest

from gateway.policy.engine import Policy
from gateway.policy.principal import Principal
from resolvers.planned.rights import Rights, touched
from resolvers.selection import Selection
from resolvers.viewer import UNRESTRICTED, Viewer

POLICY = Policy()
NAMES = {"Query": frozenset({"customer"}), "Customer": frozenset({"name"})}


def as_role(role: str) -> Viewer:
    return POLICY.viewer(Principal("ada", (role,)))


@pytest.mark.parametrize(
    ("role", "more", "shared"),
    [
        ("admin", {"Customer": frozenset({"name", "delinquent"})}, True),
        ("sales", {}, True),
        ("sales", {"Customer": frozenset({"delinquent"})}, False),
        ("sales", {"Query": frozenset({"payments"})}, False),
        ("developer", {"Customer": frozenset({"email"})}, False),
        ("developer", {}, True),
        ("widget", {}, False),
    ],
)
def test_who_shares_the_plan_of_everybody(role: str, more: dict[str, frozenset[str]], shared: bool) -> None:
    assert (touched(as_role(role), Selection({**NAMES, **more})) is None) == shared


def test_masked_and_refused_are_not_the_same() -> None:
    selected = Selection({"Customer": frozenset({"tax_id"})})
    masked, refused = (touched(as_role(role), selected) for role in ("auditor", "sales"))
    assert masked is not None
    assert refused is not None
    assert masked != refused


def test_rights_are_named_by_what_they_hold() -> None:
    rights = Rights()
    again = Policy().viewer(Principal("grace", ("developer",)))
    assert rights.of(as_role("developer")) == rights.of(again)
    assert rights.of(as_role("developer")) != rights.of(as_role("sales"))
    assert rights.of(as_role("developer")) != rights.of(UNRESTRICTED)
