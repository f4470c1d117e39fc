"""Rows as they are decoded: of each record the keys that are mapped and asked for, and nothing else.

A system that cannot be asked for a few fields sends all of them. What nobody reads is skipped while the
answer is decoded, which takes half the time and a third of the memory of objects with every key.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from decimal import Decimal
from typing import Any, Literal, TypedDict, cast

import msgspec

from adapters.contracts.errors import Malformed
from adapters.http import Response
from adapters.rest.path import attribute, getter

KEPT_SHAPES = 200
"""Selections of one kind of record whose decoders are kept."""

Decode = Callable[[bytes], Any]


def record_type(keys: Collection[str], others: Collection[str] = ()) -> type[msgspec.Struct]:
    """A record with these keys; a key that a row leaves out is None, as ``others`` always are."""
    return msgspec.defstruct(
        "Record",
        [(attribute(key), Any, None) for key in keys],
        rename={attribute(key): key for key in keys},
        namespace={attribute(key): None for key in others if key not in keys},
        # Values of JSON cannot lead back to their record.
        gc=False,
    )


def _worded(
    record: type[msgspec.Struct], words: Mapping[str, Collection[str]]
) -> type[msgspec.Struct] | None:
    """The record, whose values at some keys are of a few words; None where it has none of these keys."""
    keys = dict(zip(record.__struct_encode_fields__, record.__struct_fields__, strict=True))
    few: dict[str, Any] = {key: Literal[tuple(words[key])] for key in words if key in keys and words[key]}
    if not few:
        return None
    return msgspec.defstruct(
        "Worded",
        [(keys[key], kind | None, None) for key, kind in few.items()],
        bases=(record,),
        rename={keys[key]: key for key in few},
        gc=False,
    )


class Shape:
    """Decodes the answers with rows of one selection.

    rows: path of the array in an answer; None where the answer is the array. beside: paths of an answer
    that are read beside the rows. what: what messages call the resource. words: by key the few texts that
    are expected there. One of them that comes again is the same object: half of a row's memory is saved.
    Once another text comes, nothing is expected any more.
    """

    def __init__(
        self,
        record: type[msgspec.Struct],
        rows: str | None,
        beside: Iterable[str],
        what: str,
        words: Mapping[str, Collection[str]] | None = None,
    ) -> None:
        self._record = record
        self._rows = getter(rows) if rows else None
        self._what = what
        worded = _worded(record, words or {})
        paths = tuple(beside)
        decoders = [self._decoder(each, rows, paths) for each in (worded, record) if each is not None]
        self._decoders = [each for each in decoders if each is not None]

    @staticmethod
    def _decoder(record: type[msgspec.Struct], rows: str | None, beside: tuple[str, ...]) -> Decode | None:
        """Decodes straight into records; None where rows lie deeper, or are looked at in other ways too."""
        keys: dict[str, Any] = {path.split(".")[0]: Any for path in beside}
        records: Any = list[record]
        if rows is None:
            return None if keys else msgspec.json.Decoder(records, float_hook=Decimal).decode
        if "." in rows or rows in keys:
            return None
        envelope = cast(Any, TypedDict)("Envelope", {**keys, rows: records}, total=False)
        return msgspec.json.Decoder(envelope, float_hook=Decimal).decode

    def read(self, response: Response) -> tuple[list[Any], Any]:
        """The records of an answer, and what else was asked of it. Raises ``Malformed``."""
        for decode in self._decoders:
            try:
                body = response.json(decode)
            except Malformed as fault:
                if not isinstance(fault.__cause__, msgspec.ValidationError):
                    raise
                # What exactly is not as it should be is found out below.
                if len(self._decoders) > 1:
                    self._decoders = self._decoders[1:]
            else:
                found = body if self._rows is None else self._rows(body)
                if found is not None:
                    return found, body
        body = response.json()
        found = body if self._rows is None else self._rows(body)
        if not isinstance(found, list):
            raise Malformed(f"{self._what}: the answer has no array of rows where it should be")
        return [self.record(row) for row in cast("list[Any]", found)], body

    def record(self, row: Any) -> Any:
        """One record of an object that is decoded already. Raises ``Malformed``."""
        if not isinstance(row, dict):
            raise Malformed(f"{self._what}: a row is not an object")
        known = cast("Mapping[str, Any]", row)
        return self._record(
            **{
                name: known[key]
                for name, key in zip(
                    self._record.__struct_fields__, self._record.__struct_encode_fields__, strict=True
                )
                if key in known
            }
        )
