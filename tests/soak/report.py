"""The page that says what the heavy suites found."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from tests.soak.section import Found, Section
from tests.support.marked import with_section
from tests.support.origin import machine

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"


def write(section: Section, text: str) -> None:
    """Puts a section's findings into the page, in place of its older ones."""
    PAGE.write_text(with_section(PAGE.read_text(), section.name, text))


def text_of(found: Found, commit: str, took_s: float, load_before: float) -> str:
    """Where the figures come from, what is not as promised, and the figures."""
    wrong = [f"**Not as promised:** {'; '.join(found.wrong)}."] if found.wrong else []
    origin = (
        f"Run on {datetime.now(UTC):%Y-%m-%d} at commit {commit}, in {took_s:.0f} s, on {machine()}; "
        f"load average before it {load_before:.1f}."
    )
    return "\n".join([*wrong, origin, "", *found.table])
