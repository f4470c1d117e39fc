"""The page of the heavy suites: each section is written by itself, and says what is not as promised."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.soak.report import PAGE, text_of
from tests.soak.section import Found
from tests.soak.sections import SECTIONS
from tests.support.marked import with_section


def test_a_section_takes_the_place_of_its_older_self_alone():
    page = "# A\n<!-- x: begin -->\nold\n<!-- x: end -->\nand\n<!-- y: begin -->\nold\n<!-- y: end -->\n"
    assert with_section(page, "x", "new") == page.replace("x: begin -->\nold", "x: begin -->\nnew")
    with pytest.raises(ValueError):
        with_section(page, "z", "new")


def test_the_page_has_a_place_for_every_section():
    page = PAGE.read_text()
    for section in SECTIONS:
        assert f"## {section.title}\n" in page
        assert with_section(page, section.name, "new") != page
    assert len({section.name for section in SECTIONS}) == len(SECTIONS)


def test_what_went_wrong_is_said_first():
    text = text_of(Found(table=["| a |", "|---|", "| 1 |"], wrong=["one was lost"]), "abc1234", 61.0, 0.2)
    head, table = text.split("\n\n", 1)
    assert head.splitlines()[0] == "**Not as promised:** one was lost."
    assert "commit abc1234" in head
    assert "61 s" in head
    assert "load average before it 0.2" in head
    assert table == "| a |\n|---|\n| 1 |"
    assert "promised" not in text_of(Found(table=[], wrong=[]), "abc1234", 61.0, 0.2)


def test_no_machine_path_is_in_the_page():
    assert str(Path.home()) not in PAGE.read_text()
