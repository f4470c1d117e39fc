"""Every heavy suite that ``make soak`` runs. To add one: a line here, and its marks in the page.

The longest comes last: each section is in the page as soon as it is done.
"""

from __future__ import annotations

from tests.soak import (
    section_crash,
    section_events,
    section_model,
    section_quarter_end,
    section_takeover,
)
from tests.soak.section import Section

SECTIONS: tuple[Section, ...] = (
    section_crash.SECTION,
    section_model.SECTION,
    section_takeover.SECTION,
    section_events.SECTION,
    section_quarter_end.SECTION,
)
