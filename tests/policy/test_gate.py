"""Plans answer those for whom policy decides on nothing that is selected, and no others."""

from __future__ import annotations

import pytest

from gateway.policy.engine import Policy
from gateway.policy.principal import Principal
from resolvers.planned.gate import is_open
from resolvers.selection import Selection
from resolvers.viewer import UNRESTRICTED

POLICY = Policy()
NAMES = {"Query": frozenset({"customer"}), "Customer": frozenset({"name"})}


@pytest.mark.parametrize(
    ("role", "more", "planned"),
    [
        ("admin", {"Customer": frozenset({"delinquent", "records"})}, True),
        ("sales", {}, True),
        ("sales", {"Customer": frozenset({"delinquent"})}, False),
        ("sales", {"Customer": frozenset({"records"})}, False),
        ("sales", {"Query": frozenset({"node"})}, False),
        ("sales", {"BusinessEvent": frozenset({"subject"})}, False),
        ("developer", {"Customer": frozenset({"email"})}, False),
        ("developer", {"Customer": frozenset({"name"})}, True),
        ("widget", {}, False),
    ],
)
def test_who_is_answered_by_a_plan(role: str, more: dict[str, frozenset[str]], planned: bool) -> None:
    viewer = POLICY.viewer(Principal("ada", (role,)))
    assert is_open(viewer, Selection({**NAMES, **more})) == planned


def test_who_sees_everything_is() -> None:
    assert is_open(UNRESTRICTED, Selection(NAMES))
