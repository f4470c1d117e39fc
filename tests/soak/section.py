"""One heavy suite, as the runner knows it: ``make soak`` runs each and writes its section of the page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

Say = Callable[[str], None]
"""Tells whoever waits how far it is."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a suite found: the lines of a Markdown table, and what is not as promised, in a few words each."""

    table: Sequence[str]
    wrong: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """A suite.

    name:  as on the command line, and in the marks of its section in the page.
    title: the heading of its section, which says what is promised.
    run:   runs it in full, with an empty folder of its own. An exception counts as not as promised.
    """

    name: str
    title: str
    run: Callable[[Path, Say], Found]
