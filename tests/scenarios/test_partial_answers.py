"""A system that is down, slow, throttled or answering rubbish costs its own fields and no more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.scenarios.people import CONNECTIONS, id_of, known_everywhere
from tests.support.sandbox import Emulators, Gateway, Sandbox, closed_port, serving_over

CUSTOMER = """
query ($id: ID!) {
  customer(id: $id) {
    __typename id
    name status segment industry website phone email accountManager { name } contacts { name }
    shippingAddress { city } createdAt updatedAt
    legalName legalEntity { code } taxId billingAddress { city } currency
    receivables { balance { amount } overdue { amount } }
    paymentMethods { kind } delinquent
    recurringRevenue { amount currency }
    subscriptions(first: 3) {
      nodes {
        __typename id number status plan { code } quantity trialEndsOn nextBillingOn
        contract { number renewsOn }
        customer { __typename id name }
        invoices(first: 2) { nodes { __typename id number payments(first: 2) { nodes { id status } } } }
      }
      pageInfo { hasNextPage endCursor }
    }
    invoices(first: 3) {
      nodes { __typename id number total { amount currency } customer { __typename id phone } }
      edges { cursor }
    }
    payments(first: 3) { nodes { __typename id status amount { amount } ledgerEntry { number account } } }
  }
}
"""

DEADLINE_S = 1.0

UNAVAILABLE, TIMEOUT, THROTTLED = "SYSTEM_UNAVAILABLE", "SYSTEM_TIMEOUT", "SYSTEM_THROTTLED"
FAULTS: list[tuple[str, dict[str, Any], str, bool]] = [
    ("throttled for long", {"kind": "throttle", "retry_after_s": 30}, THROTTLED, True),
    ("throttled for a moment, again and again", {"kind": "throttle", "retry_after_s": 0}, THROTTLED, True),
    ("throttled without a word", {"kind": "throttle"}, THROTTLED, True),
    ("500", {"kind": "error"}, UNAVAILABLE, True),
    ("503 after the work was done", {"kind": "fail_after"}, UNAVAILABLE, True),
    ("dropped", {"kind": "drop"}, UNAVAILABLE, True),
    ("dropped after the work was done", {"kind": "drop_after"}, UNAVAILABLE, True),
    ("half of the JSON", {"kind": "truncate"}, UNAVAILABLE, False),
    ("a login page", {"kind": "content_type"}, UNAVAILABLE, False),
    ("401 for good", {"kind": "expire_token"}, UNAVAILABLE, False),
]
"""What a system does, the code it is told as, and whether trying again can help."""

SYSTEMS = tuple(CONNECTIONS)


@pytest.fixture(scope="module")
def id(company: Sandbox) -> str:
    return id_of(known_everywhere(company.world))


@pytest.fixture(scope="module")
def owners(company: Sandbox) -> Mapping[tuple[str, str], str]:
    """The system of each field. What is derived is lost with the system that it is derived from."""
    table = company.data("{ ownership { type field system } }")["ownership"]
    found = {(entry["type"], entry["field"]): entry["system"] for entry in table}
    return found | {("Customer", "recurringRevenue"): "SUBSCRIPTIONS"}


@pytest.fixture(scope="module")
def whole(company: Sandbox, id: str) -> dict[str, Any]:
    """The answer with every system up."""
    answer = company.data(CUSTOMER, {"id": id})
    customer = answer["customer"]
    assert all(customer[field]["nodes"] for field in ("subscriptions", "invoices", "payments"))
    return answer


def without(
    system: str, value: Any, owners: Mapping[tuple[str, str], str], path: tuple[Any, ...] = ()
) -> tuple[Any, set[tuple[Any, ...]]]:
    """An answer as it must be without a system, and the paths that must have an error."""
    if isinstance(value, list):
        parts = [without(system, each, owners, (*path, at)) for at, each in enumerate(value)]
        return [part for part, _ in parts], {lost for _, paths in parts for lost in paths}
    if not isinstance(value, dict):
        return value, set()
    kept: dict[str, Any] = {}
    lost: set[tuple[Any, ...]] = set()
    for field, inner in value.items():
        here = (*path, field)
        if owners.get((value.get("__typename", ""), field)) == system:
            kept[field] = None
            lost.add(here)
        else:
            kept[field], below = without(system, inner, owners, here)
            lost |= below
    return kept, lost


def assert_costs_only(
    system: str,
    response: httpx.Response,
    whole: dict[str, Any],
    owners: Mapping[tuple[str, str], str],
    code: str,
    retryable: bool,
) -> None:
    answer = response.json()
    data, lost = without(system, whole, owners)
    assert answer["data"] == data
    assert {tuple(error["path"]) for error in answer["errors"]} == lost
    assert len(answer["errors"]) == len(lost)
    expected = {
        "code": code,
        "system": system,
        "retryable": retryable,
        "correlationId": response.headers["x-correlation-id"],
    }
    for error in answer["errors"]:
        assert error["extensions"] == expected, error


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize(
    ("fault", "code", "retryable"), [case[1:] for case in FAULTS], ids=[case[0] for case in FAULTS]
)
def test_a_misbehaving_system_costs_its_own_fields(
    company: Sandbox,
    emulators: Emulators,
    id: str,
    whole: dict[str, Any],
    owners: Mapping[tuple[str, str], str],
    system: str,
    fault: dict[str, Any],
    code: str,
    retryable: bool,
) -> None:
    emulators.arm(CONNECTIONS[system], **fault)
    response = company.gateway.post(CUSTOMER, {"id": id})
    assert_costs_only(system, response, whole, owners, code, retryable)

    emulators.disarm()
    assert company.data(CUSTOMER, {"id": id}) == whole, "it recovers as soon as the system does"


PASSING: tuple[dict[str, Any], ...] = (
    {"kind": "error"},
    {"kind": "fail_after"},
    {"kind": "drop"},
    {"kind": "drop_after"},
    {"kind": "throttle", "retry_after_s": 0},
    {"kind": "latency", "seconds": 0.2},
    {"kind": "shrink"},
)
EXPIRY = {"kind": "expire_token"}
TOKENS = ("CRM", "ERP")
"""Systems that are reached with a token; the others have a key, which does not come back by asking again."""


@pytest.mark.parametrize(
    ("system", "fault"),
    [
        *((system, fault) for system in SYSTEMS for fault in PASSING),
        *((system, EXPIRY) for system in TOKENS),
    ],
    ids=lambda value: value if isinstance(value, str) else str(value["kind"]),
)
def test_what_passes_by_costs_nothing(
    company: Sandbox, emulators: Emulators, id: str, whole: dict[str, Any], system: str, fault: dict[str, Any]
) -> None:
    emulators.arm(CONNECTIONS[system], **fault, times=1)
    assert company.data(CUSTOMER, {"id": id}) == whole


@pytest.fixture(scope="module")
def impatient(company: Sandbox, tmp_path_factory: pytest.TempPathFactory, id: str) -> Iterator[Gateway]:
    """A gateway with a short deadline for every system, that has met the customer."""
    folder = tmp_path_factory.mktemp("impatient")
    with serving_over(company.emulators.urls, folder, settings={"deadline_s": DEADLINE_S}) as gateway:
        gateway.data(CUSTOMER, {"id": id})
        yield gateway


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_slow_system_costs_its_own_fields_within_its_deadline(
    impatient: Gateway,
    emulators: Emulators,
    id: str,
    whole: dict[str, Any],
    owners: Mapping[tuple[str, str], str],
    system: str,
) -> None:
    emulators.arm(CONNECTIONS[system], "latency", seconds=60)
    response = impatient.post(CUSTOMER, {"id": id})
    heard = emulators.calls(CONNECTIONS[system])
    emulators.disarm()

    assert heard
    assert not any(call["answered"] for call in heard), "answered at the deadline, and not by the system"
    assert_costs_only(system, response, whole, owners, "SYSTEM_TIMEOUT", True)
    assert f"{DEADLINE_S:g} s" in response.json()["errors"][0]["message"]
    assert impatient.data(CUSTOMER, {"id": id}) == whole


@pytest.fixture(scope="module")
def met(company: Sandbox, tmp_path_factory: pytest.TempPathFactory, id: str) -> Path:
    """The folder of a gateway that has met the customer, and has ended since."""
    folder = tmp_path_factory.mktemp("met")
    with serving_over(company.emulators.urls, folder) as gateway:
        gateway.data(CUSTOMER, {"id": id})
    return folder


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_system_that_refuses_connections_costs_its_own_fields(
    company: Sandbox,
    met: Path,
    id: str,
    whole: dict[str, Any],
    owners: Mapping[tuple[str, str], str],
    system: str,
) -> None:
    with closed_port() as nobody:
        urls = {**company.emulators.urls, CONNECTIONS[system]: nobody}
        with serving_over(urls, met) as gateway:
            response = gateway.post(CUSTOMER, {"id": id})
            assert_costs_only(system, response, whole, owners, "SYSTEM_UNAVAILABLE", True)


def test_the_gateway_starts_with_every_system_down(tmp_path: Path, id: str) -> None:
    with (
        closed_port() as nobody,
        serving_over(dict.fromkeys(CONNECTIONS.values(), nobody), tmp_path) as alone,
    ):
        assert alone.data("{ __typename }") == {"__typename": "Query"}
        assert {entry["system"] for entry in alone.data("{ ownership { system } }")["ownership"]} == {
            *SYSTEMS,
            "GATEWAY",
        }
        for path in ("/health/live", "/health/ready"):
            assert alone.http.get(alone.url + path).status_code == 200

        answer = alone.query(CUSTOMER, {"id": id})
        assert answer["data"]["customer"]["id"] == id
        assert {error["extensions"]["code"] for error in answer["errors"]} == {"SYSTEM_UNAVAILABLE"}
        for kind, system in zip(("customers", "subscriptions", "invoices", "payments"), SYSTEMS, strict=True):
            error = alone.refusal(f"{{ {kind} {{ nodes {{ id }} }} }}")
            assert (error["path"], error["extensions"]["system"]) == ([kind], system)

        health = alone.data("{ systems { system connection adapter status circuit errorRate latencyMs } }")
        assert [(each["system"], each["connection"], each["adapter"]) for each in health["systems"]] == [
            (system, vendor, vendor) for system, vendor in CONNECTIONS.items()
        ]
        for each in health["systems"]:
            assert each["status"] in ("DEGRADED", "DOWN")
            assert each["errorRate"] == 1
            assert each["latencyMs"] is None


def test_health_tells_how_systems_answer(company: Sandbox, emulators: Emulators) -> None:
    asked = "{ systems { connection status circuit throttledUntil latencyMs } }"

    def of(vendor: str) -> dict[str, Any]:
        return next(each for each in company.data(asked)["systems"] if each["connection"] == vendor)

    company.data("{ payments(first: 1) { nodes { id } } }")
    well = of("stripe")
    assert (well["status"], well["circuit"], well["throttledUntil"]) == ("UP", "CLOSED", None)
    assert well["latencyMs"] > 0

    emulators.arm("stripe", "throttle", retry_after_s=2)
    company.refusal("{ payments(first: 1) { nodes { id } } }")
    throttled = of("stripe")
    assert (throttled["status"], throttled["circuit"]) == ("DEGRADED", "CLOSED")
    assert datetime.fromisoformat(throttled["throttledUntil"]) > datetime.now(UTC)
