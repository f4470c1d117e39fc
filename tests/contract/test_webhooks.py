"""Webhooks: proven by their raw bytes, once under one key, in order per record."""

from __future__ import annotations

import importlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.contracts.errors import Malformed
from adapters.contracts.events import Unverified
from tests.contract.test_events import GARBAGE
from tests.contract.webhook_case import Headers, WebhookCase

CASES: dict[str, WebhookCase] = {
    name: case
    for path in sorted(Path(__file__).parent.glob("webhooks_*.py"))
    for name, case in importlib.import_module(f"tests.contract.{path.stem}").CASES.items()
}
NOW = datetime.now(UTC)


@pytest.fixture(params=CASES.values(), ids=CASES.keys())
def case(request: pytest.FixtureRequest) -> WebhookCase:
    return request.param


def refused(case: WebhookCase, headers: Headers, body: bytes) -> bool:
    try:
        case.connect().verify(headers, body, NOW, None)
    except Unverified:
        return True
    return False


def test_both_secrets_prove_while_one_takes_the_other_s_place(case: WebhookCase):
    body = case.message(1)
    assert case.connect().webhooks
    for secret in (0, 1):
        assert not refused(case, case.prove(body, secret), body)


def test_a_foreign_secret_proves_nothing(case: WebhookCase):
    body = case.message(1)
    assert refused(case, case.prove(body, 2), body)


def test_without_a_proof_nothing_is_proven(case: WebhookCase):
    body = case.message(1)
    assert refused(case, {}, body)
    for name, value in case.prove(body, 0).items():
        for wrong in ("", "é", value[:-1], value + "0", value.swapcase()):
            assert refused(case, {name: wrong}, body), wrong


def test_a_body_altered_by_one_byte_is_refused(case: WebhookCase):
    if not case.signs:
        pytest.skip("the proof is of the sender alone")
    body = case.message(1)
    headers = case.prove(body, 0)
    for at in range(len(body)):
        assert refused(case, headers, body[:at] + bytes((body[at] ^ 1,)) + body[at + 1 :])


def test_what_is_told(case: WebhookCase):
    source = case.connect()
    body = case.message(3)
    (notice,) = source.parse(body)
    assert (notice.type, notice.record_id) == case.record(3)
    assert notice.key == source.key(body)
    assert notice.event in source.gives
    assert notice.occurred_at.tzinfo is not None


def test_sent_again_it_has_the_same_key_and_says_the_same(case: WebhookCase):
    body = case.message(3)
    assert case.connect().key(body) == case.connect().key(body)
    assert list(case.connect().parse(body)) == list(case.connect().parse(body))
    assert case.connect().key(body) != case.connect().key(case.message(4))


def test_a_later_event_of_a_record_has_a_greater_version(case: WebhookCase):
    source = case.connect()
    (earlier,), (later,) = source.parse(case.message(3)), source.parse(case.message(13))
    assert (earlier.type, earlier.record_id) == (later.type, later.record_id)
    assert earlier.version is not None
    assert later.version is not None
    assert later.version > earlier.version


def test_an_event_of_another_kind_tells_nothing(case: WebhookCase):
    assert list(case.connect().parse(case.unknown)) == []
    assert case.connect().key(case.unknown)


@pytest.mark.parametrize("body", GARBAGE)
def test_garbage_is_malformed(case: WebhookCase, body: bytes):
    with pytest.raises(Malformed):
        case.connect().parse(body)
    with pytest.raises(Malformed):
        case.connect().key(body)
