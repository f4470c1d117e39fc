"""Somebody else at the Tryton server: makes records for tests to change, and counts what was changed.

Makes them over Tryton's REST API with the bookkeeper's key, past the adapter and past the middleware; counts
in the database itself.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import itertools
import json
import sqlite3
import urllib.request
from dataclasses import dataclass
from datetime import date
from typing import Any

from tests.support.tryton_server import BOOKKEEPER, TrytonServer

_NUMBERS = itertools.count(1)
DAY = date(2025, 7, 1)
"""Of every invoice made here: in the fiscal year, and after those of the books, for Tryton numbers by day."""


def wire_day(day: date) -> dict[str, Any]:
    return {"__class__": "date", "year": day.year, "month": day.month, "day": day.day}


@dataclass(frozen=True)
class State:
    """What a write can change of a record, and the records it can have added."""

    values: tuple[Any, ...]
    added: tuple[frozenset[int], ...]


class Desk:
    """Records that were made here are watched: a change of one is an effect, however it came about."""

    def __init__(self, server: TrytonServer) -> None:
        self._server = server
        self._watched: dict[tuple[str, int], State] = {}
        self._effects = 0
        self._context = {"company": 1, "language": "en"}
        lives = {fact["life"]: fact["id"] for fact in reversed(server.facts["invoices"])}
        self._models = {"due 2065": lives["posted"], "due 2025": lives["draft"]}
        self._paid = [fact["id"] for fact in server.facts["invoices"] if fact["life"] == "paid"]

    def invoice(self, *buttons: str, term: str = "due 2065") -> str:
        """A new draft, after somebody pushed the buttons: ``validate_invoice``, ``post``, ``cancel``."""
        values = {"invoice_date": wire_day(DAY), "comment": "As agreed"}
        (number,) = self.call("account.invoice", self._models[term], "copy", default=values)
        for button in buttons:
            self.call("account.invoice", number, button)
        return self._watch("account.invoice", number)

    def paid_invoice(self) -> str:
        """One of the paid invoices of the books."""
        return self._watch("account.invoice", self._paid[next(_NUMBERS) % len(self._paid)])

    def customer(self, *, tax_id: bool = True, invoice_address: bool = True, active: bool = True) -> str:
        """A new one with a general address, and what else is asked for."""
        n = next(_NUMBERS)
        addresses: list[dict[str, Any]] = [{"street": f"{n} High Street", "city": "Bath", "invoice": False}]
        if invoice_address:
            addresses.append({"street": f"{n} Low Street\nAttic", "city": "Wells", "invoice": True})
        values: dict[str, Any] = {
            "name": f"Newcomer {n}",
            "code": f"NEW-{n}",
            "addresses": [["create", addresses]],
        }
        if tax_id:
            values["identifiers"] = [["create", [{"type": "us_ein", "code": f"91-16{n:05d}"}]]]
        number = self._send("party.party", values)["id"]
        if not active:
            self.call("party.party", number, "write", values={"active": False})
        return self._watch("party.party", number)

    def allow_cancelling(self, allowed: bool = True) -> None:
        """The company's setting: whether posted customer invoices can be cancelled."""
        self.call("company.company", 1, "write", values={"cancel_invoice_out": allowed})

    def supplier_invoice(self) -> str:
        """A draft that is not the company's own."""
        (number,) = self._send("account.invoice/search", {"domain": [["type", "=", "in"]], "limit": 1})
        return self._watch("account.invoice", number)

    def call(self, model: str, number: int, method: str, **arguments: Any) -> Any:
        return self._send(f"{model}/{number}/{method}", arguments)

    def moves(self, invoice: str) -> int:
        """How many moves there are for an invoice: one once it is posted, two once that is cancelled."""
        with contextlib.closing(self._look()) as database:
            return len(_invoice(database, int(invoice)).added[0])

    def streets(self, party: str) -> list[str]:
        """The streets of a customer's addresses, oldest first."""
        with contextlib.closing(self._look()) as database:
            query = "SELECT street_unstructured FROM party_address WHERE party = ? ORDER BY id"
            return [street for (street,) in database.execute(query, (int(party),))]

    def effects(self) -> int:
        """How many writes the watched records show since they are watched."""
        with contextlib.closing(self._look()) as database:
            for key, before in self._watched.items():
                now = _STATES[key[0]](database, key[1])
                if now != before:
                    added = [len(after - old) for after, old in zip(now.added, before.added, strict=True)]
                    self._effects += max(1, *added)
                    self._watched[key] = now
        return self._effects

    def _watch(self, model: str, number: int) -> str:
        with contextlib.closing(self._look()) as database:
            self._watched.setdefault((model, number), _STATES[model](database, number))
        return str(number)

    def _look(self) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{self._server.file}?mode=ro", uri=True)

    def _send(self, path: str, content: dict[str, Any]) -> Any:
        context = base64.urlsafe_b64encode(json.dumps(self._context).encode()).decode()
        request = urllib.request.Request(
            f"{self._server.base_url}/{self._server.database}/rest/model/{path}",
            json.dumps(content).encode(),
            {
                "content-type": "application/json",
                "accept-encoding": "gzip",
                "authorization": f"Bearer {self._server.key_of(BOOKKEEPER)}",
                "x-tryton-context": context,
            },
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            body = answer.read()
            if answer.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
        return json.loads(body) if body else None


def _invoice(database: sqlite3.Connection, number: int) -> State:
    rows = database.execute(
        "SELECT state, comment, payment_term, payment_term_date, number FROM account_invoice WHERE id = ?",
        (number,),
    ).fetchall()
    made = "SELECT id FROM account_move WHERE origin = ?"
    moves = {row[0] for row in database.execute(made, (f"account.invoice,{number}",))}
    for move in list(moves):
        moves |= {row[0] for row in database.execute(made, (f"account.move,{move}",))}
    marks = ", ".join("?" * len(moves))
    due = database.execute(
        f"SELECT id, maturity_date FROM account_move_line WHERE move IN ({marks})", tuple(moves)
    ).fetchall()
    return State((*rows, *due), (frozenset(moves),))


def _party(database: sqlite3.Connection, number: int) -> State:
    def rows(query: str) -> list[tuple[Any, ...]]:
        return database.execute(query, (number,)).fetchall()

    addresses = rows(
        "SELECT id, street_unstructured, city, postal_code, country, subdivision, invoice, active"
        " FROM party_address WHERE party = ?"
    )
    identifiers = rows("SELECT id, type, code, active FROM party_identifier WHERE party = ?")
    return State(
        (*rows("SELECT name, active FROM party_party WHERE id = ?"), *addresses, *identifiers),
        tuple(frozenset(row[0] for row in found) for found in (addresses, identifiers)),
    )


_STATES = {"account.invoice": _invoice, "party.party": _party}
