"""The streams, read by the protocols' own clients: graphql-ws and graphql-sse of npm, gql of Python.

Each follows from behind a cursor, so that nothing depends on who is quicker: an event that happened before
the client was there is as much its due as one that happens afterwards.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from gql import Client as GqlClient
from gql import gql
from gql.transport.websockets import WebsocketsTransport

from tests.scenarios.people import id_of, known_everywhere
from tests.scenarios.test_mutations import accepted, mutate
from tests.streams.conftest import ROOT, Client
from tests.support.sandbox import Sandbox

FOLLOW = """subscription ($after: Cursor) {
  commandStatusChanged(after: $after) {
    previous current event { id cursor type system origin } command { kind target { id } }
  }
}"""


def change(company: Sandbox, phone: str) -> str:
    """A write, and the id of its command."""
    customer = known_everywhere(company.world)
    return accepted(mutate(company, "updateCustomer", {"id": id_of(customer), "phone": phone}))["id"]


@pytest.fixture(scope="module")
def start(company: Sandbox) -> str:
    """A cursor before everything that these tests do."""
    change(company, "+1 555 900")
    target = id_of(known_everywhere(company.world))
    timeline = company.data(
        f'{{ customer(id: "{target}") {{ timeline(first: 1) {{ nodes {{ cursor }} }} }} }}'
    )
    return timeline["customer"]["timeline"]["nodes"][0]["cursor"]


@pytest.mark.parametrize("transport", ["ws", "sse"])
def test_a_change_reaches_the_protocols_own_client(
    company: Sandbox, follow: Callable[..., Client], start: str, transport: str
):
    client = follow(transport, FOLLOW, {"after": start}, take=2)
    if transport == "ws":
        assert client.next() == {"connected": True}
    change(company, f"+1 555 91{len(transport)}")
    told = client.next()["data"]["commandStatusChanged"]
    assert told["event"]["type"] == "COMMAND_STATUS_CHANGED"
    assert told["command"]["kind"] == "updateCustomer"
    assert told["command"]["target"]["id"] == id_of(known_everywhere(company.world))


@pytest.mark.parametrize("transport", ["ws", "sse"])
def test_a_client_that_comes_back_misses_nothing_and_sees_nothing_twice(
    company: Sandbox, follow: Callable[..., Client], start: str, transport: str
):
    first = follow(transport, FOLLOW, {"after": start}, take=100)
    change(company, "+1 555 920")
    seen = results(first, 2)
    first.end()
    change(company, "+1 555 921")
    second = follow(transport, FOLLOW, {"after": seen[-1]["event"]["cursor"]}, take=100)
    later = results(second, 2)
    ids = [each["event"]["id"] for each in seen + later]
    assert len(set(ids)) == len(ids)
    whole = results(follow(transport, FOLLOW, {"after": start}, take=100), 4)
    assert [each["event"]["id"] for each in whole] == ids


def results(client: Client, count: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while len(found) < count:
        line = client.next()
        if "data" in line:
            found.append(line["data"]["commandStatusChanged"])
        else:
            assert line == {"connected": True}, line
    return found


@pytest.mark.parametrize(
    ("variables", "code"),
    [({"after": "nonsense"}, "BAD_USER_INPUT")],
)
@pytest.mark.parametrize("transport", ["ws", "sse"])
def test_a_cursor_that_nobody_gave_is_refused(
    follow: Callable[..., Client], transport: str, variables: dict[str, Any], code: str
):
    client = follow(transport, FOLLOW, variables)
    line = client.next()
    if "connected" in line:
        line = client.next()
    assert code in str(line), line


@pytest.mark.anyio
async def test_python_s_gql_follows_too(company: Sandbox, start: str):
    url = company.gateway.url.replace("http", "ws") + "/graphql"
    transport = WebsocketsTransport(url=url, subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL])
    async with GqlClient(transport=transport) as session:
        request = gql(FOLLOW)
        request.variable_values = {"after": start}
        change(company, "+1 555 930")
        async for result in session.subscribe(request):
            assert result["commandStatusChanged"]["event"]["type"] == "COMMAND_STATUS_CHANGED"
            break


def test_a_query_that_merely_accepts_streams_gets_json(company: Sandbox):
    answer = company.gateway.http.post(
        f"{company.gateway.url}/graphql",
        json={"query": "{ __typename }"},
        headers={"accept": "application/graphql-response+json, application/json, text/event-stream"},
    )
    assert answer.headers["content-type"].startswith("application/graphql-response+json")
    assert answer.json() == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize("document", ["README.md", "docs/events.md"])
def test_the_stream_that_is_shown_runs(company: Sandbox, document: str):
    (body,) = re.findall(r"curl -s?N .*?-d '(.*?)'\n", (ROOT / document).read_text(), re.DOTALL)
    with company.gateway.http.stream(
        "POST",
        f"{company.gateway.url}/graphql",
        content=re.sub(r"\s*\n\s*", " ", body),
        headers={"accept": "text/event-stream", "content-type": "application/json"},
    ) as answer:
        assert answer.status_code == 200, answer.read()
        lines = answer.iter_lines()
        # The first byte says that the stream is open.
        assert next(lines) == ":"
        change(company, f"+1 555 94{len(document)}")
        data = next(line for line in lines if line.startswith("data: "))
    event = json.loads(data.removeprefix("data: "))["data"]["businessEvents"]
    assert {"type", "summary", "cursor"} <= set(event)
