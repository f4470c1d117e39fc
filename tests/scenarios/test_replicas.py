"""Two gateways on one PostgreSQL and one NATS are one: what is told at either reaches whoever watches."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from gateway.events.cursor import encode_cursor
from tests.support import nats
from tests.support.nats import NatsServer
from tests.support.postgresql import PostgreSQL
from tests.support.sandbox import Gateway, sandbox, serving_over
from tests.support.told import customer_updated, tell

FOLLOW = "subscription ($after: Cursor) { businessEvents(after: $after) { id cursor summary } }"
BEGINNING = encode_cursor(0)


@pytest.fixture(scope="module", params=["postgresql", "postgresql and nats"])
def replicas(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Gateway, Gateway]]:
    folder = tmp_path_factory.mktemp("replicas")
    server: PostgreSQL = request.getfixturevalue("postgresql_server")
    with contextlib.ExitStack() as running:
        sections: dict[str, Any] = {}
        try:
            if "nats" in request.param:
                broker = NatsServer(folder / "nats")
                broker.start()
                running.callback(broker.kill)
                sections = {"events": {"broker": broker.url}}
        except nats.CannotStart as error:
            pytest.skip(str(error))
        systems = running.enter_context(sandbox(folder / "systems", customers=40))
        database = server.fresh().render_as_string(hide_password=False)
        yield tuple(
            running.enter_context(
                serving_over(systems.emulators.urls, folder / name, database=database, sections=sections)
            )
            for name in ("one", "other")
        )


@contextlib.contextmanager
def following(gateway: Gateway, after: str) -> Iterator[Iterator[dict[str, Any]]]:
    with gateway.http.stream(
        "POST",
        f"{gateway.url}/graphql",
        json={"query": FOLLOW, "variables": {"after": after}},
        headers={"accept": "text/event-stream"},
        timeout=60,
    ) as answer:
        assert answer.status_code == 200, answer.read()
        yield _events(answer)


def _events(answer: httpx.Response) -> Iterator[dict[str, Any]]:
    for line in answer.iter_lines():
        if line.startswith("data: {"):
            yield json.loads(line.removeprefix("data: "))["data"]["businessEvents"]


def test_a_webhook_at_one_reaches_both_and_a_cursor_of_one_resumes_at_the_other(
    replicas: tuple[Gateway, Gateway],
):
    one, other = replicas
    with following(one, BEGINNING) as here, following(other, BEGINNING) as there:
        tell(one.url, [customer_updated("evt_1", "cus_1")])
        # The same message once more, at the other one: both are one gateway.
        tell(other.url, [customer_updated("evt_1", "cus_1"), customer_updated("evt_2", "cus_2")])
        seen = list(itertools.islice(here, 2))
        assert list(itertools.islice(there, 2)) == seen
    assert [each["summary"] for each in seen] == ["cus_1 was updated", "cus_2 was updated"]
    tell(one.url, [customer_updated("evt_3", "cus_3")])
    with following(other, seen[1]["cursor"]) as there:
        assert next(there)["summary"] == "cus_3 was updated"
