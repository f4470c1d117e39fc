"""The memory of links: what is learned is kept in the file, and a broken file costs only the memory."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError

from gateway.store.cross_references import SqlCrossReferences

pytestmark = pytest.mark.anyio

LINK = "customer_in_payments"


def stored(file: Path) -> list[tuple[str, ...]]:
    database = sqlite3.connect(file)
    try:
        return database.execute(
            "SELECT connection, record_id, link, value FROM cross_reference ORDER BY record_id, value"
        ).fetchall()
    finally:
        database.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "gateway.sqlite"


async def test_what_is_learned_is_recalled_after_a_restart(file: Path) -> None:
    references = await SqlCrossReferences.open(file)
    assert await references.recall("crm", "1", LINK) is None
    references.learn("crm", "1", LINK, "cus_1")
    assert await references.recall("crm", "1", LINK) == "cus_1"
    await references.aclose()
    again = await SqlCrossReferences.open(file)
    assert await again.recall("crm", "1", LINK) == "cus_1"
    await again.aclose()


async def test_a_link_belongs_to_its_connection_record_and_name(file: Path) -> None:
    references = await SqlCrossReferences.open(file)
    references.learn("crm", "1", LINK, "cus_1")
    references.learn("crm", "2", LINK, "cus_2")
    references.learn("crm-jp", "1", LINK, "cus_3")
    references.learn("crm", "1", "customer_in_erp", "42")
    await references.aclose()
    again = await SqlCrossReferences.open(file)
    assert await again.recall("crm", "1", LINK) == "cus_1"
    assert await again.recall("crm", "2", LINK) == "cus_2"
    assert await again.recall("crm-jp", "1", LINK) == "cus_3"
    assert await again.recall("crm", "1", "customer_in_erp") == "42"
    assert await again.recall("crm", "3", LINK) is None
    await again.aclose()


async def test_the_last_value_stands(file: Path) -> None:
    references = await SqlCrossReferences.open(file)
    for value in ("cus_1", "cus_2", "cus_1", "cus_3"):
        references.learn("crm", "1", LINK, value)
    assert await references.recall("crm", "1", LINK) == "cus_3"
    await references.aclose()
    assert stored(file) == [("crm", "1", LINK, "cus_3")]


async def test_much_that_is_learned_at_once(file: Path) -> None:
    references = await SqlCrossReferences.open(file)
    for number in range(3_000):
        references.learn("crm", f"{number:05}", LINK, f"cus_{number}")
    await references.aclose()
    assert len(stored(file)) == 3_000
    again = await SqlCrossReferences.open(file)
    assert await again.recall("crm", "00000", LINK) == "cus_0"
    assert await again.recall("crm", "02999", LINK) == "cus_2999"
    await again.aclose()


async def test_values_are_data_whatever_they_say(file: Path) -> None:
    odd = "x'); DROP TABLE cross_reference; -- ✓\n"
    references = await SqlCrossReferences.open(file)
    references.learn("crm", odd, LINK, odd)
    await references.aclose()
    again = await SqlCrossReferences.open(file)
    assert await again.recall("crm", odd, LINK) == odd
    await again.aclose()


async def test_what_could_not_be_written_is_learned_again(file: Path) -> None:
    references = await SqlCrossReferences.open(file)
    breaker = sqlite3.connect(file, isolation_level=None)
    breaker.execute("ALTER TABLE cross_reference RENAME TO elsewhere")
    references.learn("crm", "1", LINK, "cus_1")
    await references._writing  # type: ignore[misc]
    breaker.execute("ALTER TABLE elsewhere RENAME TO cross_reference")
    breaker.close()
    assert await references.recall("crm", "1", LINK) is None
    references.learn("crm", "1", LINK, "cus_1")
    await references.aclose()
    assert stored(file) == [("crm", "1", LINK, "cus_1")]


@pytest.fixture
def rubbish(tmp_path: Path) -> Path:
    path = tmp_path / "rubbish.sqlite"
    path.write_text("no database\n" * 100)
    return path


async def test_a_file_that_is_no_database_is_refused(rubbish: Path) -> None:
    with pytest.raises(DBAPIError):
        await SqlCrossReferences.open(rubbish)
