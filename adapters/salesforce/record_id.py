"""Record ids: 15 case-sensitive characters, or 18 of which the last three keep the case of the others.

Each of the three stands for five characters, the first of them in the lowest bit: bit set, upper case
(https://help.salesforce.com/s/articleView?id=000385585&type=1).
"""

from __future__ import annotations

import re

_SUFFIX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_FORM = re.compile(r"[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?", re.ASCII)


def with_suffix(short: str) -> str:
    """The 18-character form of an id of 15 characters."""
    groups = (short[start : start + 5] for start in (0, 5, 10))
    return short + "".join(
        _SUFFIX[sum(1 << bit for bit, char in enumerate(group) if "A" <= char <= "Z")] for group in groups
    )


def canonical_id(text: str) -> str | None:
    """The 18-character form, case restored from the suffix; None for what cannot be a record id."""
    if _FORM.fullmatch(text) is None:
        return None
    if len(text) == 15:
        return with_suffix(text)
    suffix = text[15:].upper()
    if any(char not in _SUFFIX for char in suffix):
        return None
    bits = [_SUFFIX.index(suffix[place // 5]) >> (place % 5) & 1 for place in range(15)]
    short = "".join(
        char.upper() if upper else char.lower() for char, upper in zip(text[:15], bits, strict=True)
    )
    # A suffix that calls a digit upper case belongs to another id.
    return short + suffix if with_suffix(short) == short + suffix else None
