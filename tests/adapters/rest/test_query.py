"""Values of keys in a query: the short way for plain ones sends what the long way would."""

from __future__ import annotations

import itertools

import pytest

from adapters.contracts.errors import Unsupported
from adapters.http import encoded
from adapters.rest.mapping import _ids
from adapters.rest.query import key_query
from adapters.rest.section import KeyForm

FORMS = [
    KeyForm(param=param, join=join, pattern=pattern, max=3)
    for param, join, pattern in itertools.product(
        ("ids", "filter[id]"), (",", None, ";", "-", ".", "", " OR", "a,"), (None, "[a-z]+")
    )
]
VALUES = [
    (),
    ("a1",),
    ("",),
    ("a", "b"),
    ("a", ""),
    ("a", "b", "c"),
    ("a-", "-b"),
    ("a,b",),
    ("a,b", "c"),
    ("a%2Cb", "c"),
    ("a%2Cb",),
    ("a&ids=b", "c"),
    ("a b", "c;d"),
    ("é", "a"),
    ("a\n",),
    ("x" * 300, "b"),
    ("x" * 301, "b"),
    ("x_.~-9", "b"),
]


@pytest.mark.parametrize("values", VALUES)
@pytest.mark.parametrize("form", FORMS, ids=lambda form: f"{form.param} {form.join!r} {form.pattern}")
def test_plain_values_go_as_all_others_do(form: KeyForm, values: tuple[str, ...]) -> None:
    pairs = _ids(form)
    expected = pairs(values)
    assert key_query(form, pairs)(values) == (None if expected is None else encoded(expected))


def test_more_than_the_system_takes_is_refused() -> None:
    form = KeyForm(param="ids", max=3)
    with pytest.raises(Unsupported, match="at most 3"):
        key_query(form, _ids(form))(("a", "b", "c", "d"))
