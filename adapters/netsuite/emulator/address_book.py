"""The sublist ``addressBook`` of a customer: lines with a key are changed, lines without one are added.

(https://docs.oracle.com/en/cloud/saas/netsuite/ns-online-help/section_1545295601.html)
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping
from typing import Any, cast

from adapters.netsuite.emulator.problems import bad_content

_ADDRESS = {"addressee": 83, "addr1": 150, "addr2": 150, "city": 50, "state": 50, "zip": 36}
"""Properties of an address, and the most characters each takes."""

_FLAGS = {"defaultBilling": "defaultbilling", "defaultShipping": "defaultshipping"}
_LINE = frozenset({*_FLAGS, "internalId", "id", "label", "addressBookAddress"})


def change_address_book(store: sqlite3.Connection, customer_id: int, book: Any) -> bool:
    """Whether anything was changed. Within the caller's transaction."""
    items = cast("dict[str, Any]", book).get("items") if isinstance(book, dict) else None
    if not isinstance(items, list):
        raise bad_content("addressBook", "Invalid value for the field addressBook.")
    changed = False
    for place, item in enumerate(cast("list[Any]", items)):
        changed |= _change_line(store, customer_id, _Line(f"addressBook.items[{place}]", item))
    return changed


class _Line:
    """One line of a request, checked."""

    def __init__(self, path: str, item: Any) -> None:
        line = _object(path, item, _LINE)
        self.path = path
        self.key = line.get("internalId", line.get("id"))
        self.line: dict[str, Any] = {}
        for name, column in _FLAGS.items():
            if name in line:
                if not isinstance(line[name], bool):
                    raise bad_content(f"{path}.{name}", f"Invalid value for the field {name}.")
                self.line[column] = "T" if line[name] else "F"
        if "label" in line:
            self.line["label"] = _text(f"{path}.label", line["label"], 150)
        self.address = self._address(line.get("addressBookAddress"))

    def _address(self, value: Any) -> dict[str, Any]:
        if value is None:
            return {}
        path = f"{self.path}.addressBookAddress"
        given = _object(path, value, frozenset({*_ADDRESS, "country"}))
        address = {
            name: _text(f"{path}.{name}", given[name], most)
            for name, most in _ADDRESS.items()
            if name in given
        }
        if "country" in given:
            country = given["country"]
            code = cast("dict[str, Any]", country).get("id") if isinstance(country, dict) else None
            if country is not None and not re.fullmatch(r"[A-Z]{2}", str(code)):
                raise bad_content(f"{path}.country", "Invalid country reference key.")
            address["country"] = code
        return address


def _change_line(store: sqlite3.Connection, customer_id: int, line: _Line) -> bool:
    found = None
    if line.key is not None:
        sql = "SELECT * FROM netsuite_customeraddressbook WHERE entity = ? AND internalid = ?"
        found = store.execute(sql, (customer_id, line.key)).fetchone()
        if found is None:
            raise bad_content(f"{line.path}.internalId", "Invalid address book reference key.")
    new = found is None
    if found is None:
        found = _add_line(store, customer_id)
    for flag in _FLAGS.values():
        if line.line.get(flag) == "T":
            # A customer has one default of each kind.
            sql = f"UPDATE netsuite_customeraddressbook SET {flag} = 'F' WHERE entity = ? AND internalid <> ?"
            store.execute(sql, (customer_id, found["internalid"]))
    changed = _update(store, "customeraddressbook", "internalid", found["internalid"], line.line)
    changed |= _update(
        store, "customeraddressbookentityaddress", "nkey", found["addressbookaddress"], line.address
    )
    return changed or new


def _add_line(store: sqlite3.Connection, customer_id: int) -> sqlite3.Row:
    sql = "SELECT companyname FROM netsuite_customer WHERE id = ?"
    addressee = store.execute(sql, (customer_id,)).fetchone()["companyname"]
    address = store.execute(
        "INSERT INTO netsuite_customeraddressbookentityaddress (addressee) VALUES (?)", (addressee,)
    ).lastrowid
    line = store.execute(
        "INSERT INTO netsuite_customeraddressbook"
        " (entity, addressbookaddress, defaultbilling, defaultshipping) VALUES (?, ?, 'F', 'F')",
        (customer_id, address),
    ).lastrowid
    sql = "SELECT * FROM netsuite_customeraddressbook WHERE internalid = ?"
    return store.execute(sql, (line,)).fetchone()


def _update(store: sqlite3.Connection, table: str, key: str, value: int, wanted: Mapping[str, Any]) -> bool:
    """Whether the row was not so already."""
    row = store.execute(f"SELECT * FROM netsuite_{table} WHERE {key} = ?", (value,)).fetchone()
    changes = {column: new for column, new in wanted.items() if row[column] != new}
    if changes:
        places = ", ".join(f"[{column}] = ?" for column in changes)
        sql = f"UPDATE netsuite_{table} SET {places} WHERE {key} = ?"
        store.execute(sql, (*changes.values(), value))
    return bool(changes)


def _object(path: str, value: Any, known: frozenset[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise bad_content(path, f"Invalid value for the field {path}.")
    content = cast("dict[str, Any]", value)
    for name in content:
        if name not in known:
            raise bad_content(f"{path}.{name}", f"Unknown reference or property name '{name}'.")
    return content


def _text(path: str, value: Any, most: int) -> str | None:
    if value is not None and (not isinstance(value, str) or len(value) > most):
        raise bad_content(path, f"Invalid value for the field {path}.")
    return value or None
