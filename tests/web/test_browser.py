"""The pages in a real browser that can reach nothing but the gateway's own origin."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.web.conftest import ROLE, Visit


@pytest.fixture(scope="module")
def playground(visit: Callable[[str], Visit]) -> Visit:
    return visit("playground.mjs")


@pytest.fixture(scope="module")
def welcome(visit: Callable[[str], Visit]) -> Visit:
    return visit("welcome.mjs")


@pytest.fixture(params=["playground", "welcome"])
def either(request: pytest.FixtureRequest) -> Visit:
    return request.getfixturevalue(request.param)


def test_nothing_but_the_own_origin_is_asked(either: Visit) -> None:
    assert either.requests
    assert either.foreign == []


def test_the_content_policy_is_kept(either: Visit) -> None:
    assert either.violations == []


def test_the_console_stays_quiet(either: Visit) -> None:
    # The browser itself remarks on the page that is asked for in order not to be found.
    remarks = [text for text in either.complaints if "404" not in text]
    assert remarks == []
    assert [path for status, path in either.requests if status >= 400] in ([], ["/nothing-here"])


def test_axe_finds_nothing_serious(either: Visit) -> None:
    assert all(either.facts[f"{name} rules passed"] > 10 for name in either.accessibility)
    assert {name: found for name, found in either.accessibility.items() if found} == {}


def test_the_examples_are_open_and_run(playground: Visit) -> None:
    assert playground.facts["title"] == "Fieldgate"
    assert playground.facts["tabs"] == [
        "Customer360",
        "Subscriptions",
        "Invoices",
        "Payments",
        "UpdateCustomer",
        "PauseSubscription",
        "BusinessEvents",
    ]
    assert '"first": 1' in playground.facts["variables"]
    assert playground.facts["variablesAfterReload"] == playground.facts["variables"]
    assert "legalName" in playground.facts["example"]


def test_a_typed_query_completes_and_is_answered(playground: Visit) -> None:
    assert any("customers" in row for row in playground.facts["completions"])
    assert re.search(r'"name": "\w', playground.facts["typed"])
    assert "errors" not in playground.facts["typed"]


def test_headers_are_sent_and_remembered(playground: Visit) -> None:
    assert playground.facts["header"] == "remembered"
    assert playground.facts["tabsAfterReload"] == 8


def test_the_plan_is_drawn(playground: Visit) -> None:
    assert playground.facts["rounds"][:2] == ["Round 1", "Round 2"]
    first = playground.facts["loads"]
    assert len(first) == 1
    assert first[0].startswith("salesforce Customer")
    for part in ("a page · 1 call · 1 row", "for customers", "account_manager"):
        assert part in first[0]
    assert re.fullmatch(r"\d rounds, \d+ calls, \d+ points; assembled .*\.", playground.facts["planned"])
    assert playground.facts["drawn"] == "Customer360"


def test_the_plan_is_not_drawn_by_writing(playground: Visit) -> None:
    assert playground.facts["planOfMutation"].startswith("Only queries are planned")
    assert "plan:read" in playground.facts["planForbidden"]


def test_a_mutation_is_done(playground: Visit) -> None:
    assert '"kind": "updateCustomer"' in playground.facts["mutation"]
    assert '"userErrors": []' in playground.facts["mutation"]


def test_a_subscription_shows_what_happens(playground: Visit) -> None:
    paused = playground.facts["paused"]["data"]["pauseSubscription"]
    assert paused["userErrors"] == []
    assert paused["subscription"]["status"] == "PAUSED"
    assert paused["subscription"]["customer"]["name"] in playground.facts["event"]


def test_another_role_is_refused_what_it_may_not_see(playground: Visit) -> None:
    assert playground.facts["role"] == ROLE
    assert playground.facts["about"]
    assert playground.facts["remembered"] == '{"role":"admin"}'
    assert '"code": "FORBIDDEN"' in playground.facts["forbidden"]


def test_the_workers_run_from_our_files(playground: Visit) -> None:
    served = [path for status, path in playground.requests if status == 200]
    for worker in ("graphql", "json", "editor"):
        assert any(f"worker-{worker}-" in path for path in served), worker


def test_the_welcome_page_tells_each_system(welcome: Visit, site: str) -> None:
    assert [row[:5] for row in welcome.facts["rows"]] == [
        ["CRM", "salesforce", "salesforce", "Up", "Closed"],
        ["SUBSCRIPTIONS", "chargebee", "chargebee", "Up", "Closed"],
        ["ERP", "netsuite", "netsuite", "Up", "Closed"],
        ["PAYMENTS", "stripe", "stripe", "Up", "Closed"],
    ]
    assert re.fullmatch(r"\d+(\.\d)? ms", welcome.facts["rows"][0][5])
    assert welcome.facts["note"].startswith("4 of 4 connections up")
    assert welcome.facts["ready"] == "Ready"
    assert welcome.facts["curl"].startswith(f"curl {site}/graphql")


def test_the_welcome_page_fits_a_telephone(welcome: Visit) -> None:
    assert welcome.facts["overflow"] <= 0


def test_what_is_not_found_says_so(welcome: Visit) -> None:
    assert welcome.facts["missing"] == "Not found"
