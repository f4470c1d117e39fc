"""Sections of a page that a program writes, between two comments that carry their name."""

from __future__ import annotations

import re


def with_section(page: str, name: str, text: str) -> str:
    """The page with ``text`` as that section. ValueError for a page without its two marks."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    found = re.search(f"{re.escape(begin)}.*?{re.escape(end)}", page, re.DOTALL)
    if found is None:
        raise ValueError(f"the page has no {begin} and {end}")
    return f"{page[: found.start()]}{begin}\n{text}\n{end}{page[found.end() :]}"
