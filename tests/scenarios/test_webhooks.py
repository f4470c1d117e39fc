"""Webhooks at the door, signed by Stripe's own library; and what an operator sees of those not understood."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import stripe

from adapters.stripe.emulator.events import WEBHOOK_SECRET
from gateway.events.cursor import encode_cursor
from tests.support.sandbox import COMMAND, Gateway, closed_port, serving_over
from tests.support.told import customer_updated

TABLES = ("event_inbox", "event_dead_letter", "event_journal", "event_log", "event_outbox")
BODY = customer_updated("evt_known", "cus_1", "001")


@dataclass
class Door:
    """A gateway whose systems are all away: webhooks are taken all the same."""

    gateway: Gateway
    folder: Path

    def knock(self, body: bytes, headers: dict[str, str], path: str = "stripe") -> int:
        url = f"{self.gateway.url}/webhooks/{path}"
        return self.gateway.http.post(url, content=body, headers=headers).status_code

    def kept(self) -> dict[str, int]:
        """Rows in every table that something of a message could be in."""
        with sqlite3.connect(self.folder / "state.sqlite") as store:
            return {name: store.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in TABLES}

    def events(self, *arguments: str) -> str:
        """What ``fieldgate events …`` prints."""
        command = [str(COMMAND), "events", *arguments, "--config", str(self.folder / "fieldgate.yaml")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def until(self, text: str, *arguments: str) -> str:
        """The same, once a text is in it: a gateway in another process works it off."""
        while text not in (said := self.events(*arguments)):
            pass
        return said


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    folder = tmp_path_factory.mktemp("door")
    with closed_port() as nobody, serving_over(dict.fromkeys(VENDORS, nobody), folder) as gateway:
        yield Door(gateway, folder)


VENDORS = ("salesforce", "chargebee", "netsuite", "stripe")


def signed(body: bytes, *, secret: str = WEBHOOK_SECRET, age_s: int = 0) -> dict[str, str]:
    """Headers as Stripe's own library signs them."""
    moment = int(time.time()) - age_s
    mac = stripe.WebhookSignature._compute_signature(f"{moment}.{body.decode()}", secret)
    return {"stripe-signature": f"t={moment},v1={mac}"}


def test_what_proves_no_origin_is_401_and_leaves_no_trace(door: Door):
    before = door.kept()
    altered = BODY.replace(b"cus_1", b"cus_2")
    assert len(altered) == len(BODY)
    refused = [
        door.knock(altered, signed(BODY)),
        door.knock(BODY, signed(BODY, age_s=301)),
        door.knock(BODY, signed(BODY, age_s=-310)),
        door.knock(BODY, signed(BODY, secret="whsec_foreign")),
        door.knock(BODY, {}),
        door.knock(BODY, {"authorization": "Basic ZmllbGRnYXRlOndyb25n"}, "chargebee"),
        door.knock(BODY, signed(BODY), "chargebee/guessed"),
    ]
    assert set(refused) == {401}
    assert door.kept() == before


def test_what_is_no_door_is_404_and_what_is_too_much_413(door: Door):
    before = door.kept()
    large = b" " * 1_000_001
    assert door.knock(BODY, signed(BODY), "netsuite") == 404
    assert door.knock(BODY, signed(BODY), "nobody") == 404
    assert door.knock(large, signed(large)) == 413
    assert door.kept() == before


def test_what_is_signed_is_told_once_however_often_it_comes(door: Door):
    assert [door.knock(BODY, signed(BODY)) for _ in range(3)] == [204] * 3
    said = door.until("cus_1 was updated", "tail", "--type", "CUSTOMER_UPDATED", "--system", "PAYMENTS")
    assert said.count("cus_1 was updated") == 1
    cursor = said.split()[2]
    assert door.events("tail", "--after", encode_cursor(0)).count("cus_1 was updated") == 1
    assert "cus_1 was updated" not in door.events("tail", "--after", cursor)


def test_what_is_not_understood_is_kept_with_its_reason_and_can_be_replayed(door: Door):
    rubbish = b"not even JSON \x00"
    odd = json.dumps(
        {
            "id": "evt_odd",
            "object": "event",
            "type": "payment_intent.succeeded",
            "created": 1,
            "data": {"object": {}},
        }
    ).encode()
    assert door.knock(rubbish, signed(rubbish)) == 204
    assert door.knock(odd, signed(odd)) == 204
    said = door.until("evt_odd", "dead-letters", "--connection", "stripe")
    lines = {line.split()[4]: line for line in said.splitlines() if "stripe" in line}
    assert "the object is not as documented" in lines["evt_odd"]
    (number,) = [line.split()[0] for key, line in lines.items() if key.startswith("sha256:")]
    show = [str(COMMAND), "events", "dead-letters", "--body", number]
    config = ["--config", str(door.folder / "fieldgate.yaml")]
    assert subprocess.run([*show, *config], capture_output=True, timeout=120, check=True).stdout == rubbish
    assert door.events("replay", "--connection", "stripe") == "1 put back, 1 still not understood\n"
    # Nothing has learned to understand it: it comes back, and is still there to be replayed.
    door.until("evt_odd", "dead-letters")
