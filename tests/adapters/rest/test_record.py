"""Rows are decoded into records of what is mapped and asked for; what is wrong with an answer is said."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from adapters.contracts.errors import Malformed
from adapters.http import Response
from adapters.rest.path import attribute, row_getter
from adapters.rest.record import Shape, record_type
from adapters.wire.answer import Headers

JSON = Headers.of([(b"content-type", b"application/json")])
KEYS = ("id", "from", "due-date", "_rev", "__class__", "größe", "a b", "owner", "amount")


def answer(value: object) -> Response:
    return Response(200, JSON, msgspec.json.encode(value))


def shape(rows: str | None = None, beside: tuple[str, ...] = ()) -> Shape:
    return Shape(record_type(KEYS, ("left_out",)), rows, beside, "crm Customer")


@pytest.mark.parametrize("rows", [None, "data", "result.data"])
@pytest.mark.parametrize("beside", [(), ("more.next",), ("data.0.id",)])
def test_records_have_what_is_mapped_under_any_name(rows: str | None, beside: tuple[str, ...]):
    sent = {key: f"of {key}" for key in KEYS} | {
        "left_out": "x",
        "secret": "y",
        "owner": {"name": "Ada", "tags": [{"t": 1}]},
        "amount": 0.1,
    }
    body: object = [sent, {"id": "2"}]
    if rows is not None:
        body = {"data": body} if rows == "data" else {"result": {"data": body}}
        assert isinstance(body, dict)
        body["more"] = {"next": "p2"}
    elif beside:
        pytest.skip("an array has nothing beside its rows")

    (first, second), left = shape(rows, beside).read(answer(body))

    for key in KEYS[:-2]:
        assert row_getter(key)(first) == f"of {key}"
        assert row_getter(key)(second) == ("2" if key == "id" else None)
    assert row_getter("owner.name")(first) == "Ada"
    assert row_getter("owner.tags.0.t")(first) == 1
    assert row_getter("owner.name")(second) is None
    # Money never passes through a float.
    assert row_getter("amount")(first) == Decimal("0.1")
    # Mapped, and not asked for: as with a system that is asked for a few fields only.
    assert row_getter("left_out")(first) is None
    assert not hasattr(first, "secret")
    if beside == ("more.next",):
        assert left["more"]["next"] == "p2"


def test_every_key_has_a_name_of_its_own():
    assert len({attribute(key) for key in KEYS}) == len(KEYS)
    assert all(attribute(key).isidentifier() for key in KEYS)


@pytest.mark.parametrize(
    ("rows", "body", "why"),
    [
        (None, {"id": 1}, "no array of rows"),
        (None, [{"id": 1}, "x"], "a row is not an object"),
        (None, [None], "a row is not an object"),
        ("data", {"other": []}, "no array of rows"),
        ("data", {"data": None}, "no array of rows"),
        ("data", {"data": {}}, "no array of rows"),
        ("data", {"data": [[]]}, "a row is not an object"),
        ("result.data", {"result": {}}, "no array of rows"),
        ("result.data", {"result": {"data": [3]}}, "a row is not an object"),
    ],
)
def test_an_answer_of_another_shape_says_what_is_wrong(rows: str | None, body: object, why: str):
    with pytest.raises(Malformed, match=why):
        shape(rows).read(answer(body))


def test_what_is_no_json_is_malformed():
    with pytest.raises(Malformed, match="not valid JSON"):
        shape().read(Response(200, JSON, b'[{"id": 1'))
    with pytest.raises(Malformed, match="not JSON"):
        shape().read(Response(200, Headers.of([(b"content-type", b"text/html")]), b"[]"))


def test_events_bring_objects_as_they_are():
    assert row_getter("from")({"from": "x"}) == "x"
    assert row_getter("owner.name")({"owner": None}) is None
    with pytest.raises(AttributeError):
        row_getter("title")("a text has a title, but of another kind")


def worded() -> Shape:
    words = {"status": {"open", "paid"}, "currency": {"EUR"}, "not asked for": {"x"}}
    return Shape(record_type(("id", "status", "currency"), ("left_out",)), "data", (), "erp Invoice", words)


def statuses(shape: Shape, *given: object) -> list[object]:
    rows, _ = shape.read(answer({"data": [{"id": "1", "status": each} for each in given]}))
    return [row.status for row in rows]


def test_a_word_that_comes_again_is_the_same_object():
    one, other = statuses(worded(), "paid", "paid")
    assert one == "paid"
    assert one is other


@pytest.mark.parametrize("other", ["void", 7, ["open"], {"is": "open"}])
def test_what_is_none_of_the_words_is_read_all_the_same(other: object):
    shape = worded()
    assert statuses(shape, "open", other, None) == ["open", other, None]
    assert statuses(shape, "paid", "new") == ["paid", "new"]


def test_records_with_words_have_all_that_records_have():
    (row,), _ = worded().read(answer({"data": [{"id": "1", "secret": "y"}]}))
    assert (row.id, row.status, row.currency, row.left_out) == ("1", None, None, None)
