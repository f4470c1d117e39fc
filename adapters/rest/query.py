"""The values of a key, as they stand in a query."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from adapters.http import encoded
from adapters.rest.mapping import ID_LETTERS, Filter
from adapters.rest.section import KeyForm

Query = Callable[[tuple[str, ...]], str | None]
"""An encoded query. None where no row can match."""

_PLAIN = "[A-Za-z0-9_.~-]"
"""What stands in a query as it is."""


def key_query(form: KeyForm, pairs: Filter) -> Query:
    """``encoded`` of what ``pairs`` makes of a key's values.

    Nearly all ids are of plain letters. What is sent then takes no more than to join them; whether they are
    plain, and none of them can be taken for several, is seen by one look at it.
    """
    begin = encoded(((form.param, ""),))
    between = f"&{begin}" if form.join is None else encoded((("", form.join),))[1:]
    if form.pattern is not None or re.fullmatch(f"{_PLAIN}*", form.join or "&"):
        return lambda values: _encoded(pairs(values))
    one, most = f"{_PLAIN}{{1,{ID_LETTERS}}}", form.max
    are_plain = re.compile(f"{one}(?:{re.escape(between)}{one})*").fullmatch

    def query(values: tuple[str, ...]) -> str | None:
        text = between.join(values)
        if are_plain(text) and text.count(between) == len(values) - 1 and len(values) <= most:
            return f"{begin}{text}"
        return _encoded(pairs(values))

    return query


def _encoded(pairs: Sequence[tuple[str, str]] | None) -> str | None:
    return None if pairs is None else encoded(pairs)
