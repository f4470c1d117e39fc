"""What happens in the books by itself: invoices are posted, fall due and are paid, customers change."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

from adapters.emulation.life import Happening, pick
from adapters.emulation.store import transaction
from adapters.netsuite.emulator.changes import change_record, now
from adapters.netsuite.emulator.receivables import restate
from adapters.netsuite.emulator.tables import TABLES

# Accounts and books as the seed has them.
_UNDEPOSITED, _RECEIVABLE, _BOOKS = 2, 1, (1, 2)

_WRITTEN = frozenset(name for name, kind in TABLES["transaction"].items() if "GENERATED" not in kind)

_OPEN_PERIOD = (
    "SELECT t.* FROM netsuite_transaction t"
    " JOIN netsuite_accountingperiod p ON p.id = t.postingperiod AND p.closed = 'F'"
    " WHERE t.type = 'CustInvc' AND {} ORDER BY t.id"
)


def _raise_invoice(store: sqlite3.Connection, rng: Random) -> str | None:
    """An invoice like an earlier one, for today: it waits for approval."""
    row = pick(
        store, rng, "SELECT * FROM netsuite_transaction WHERE type = 'CustInvc' AND status = 'B' ORDER BY id"
    )
    if row is None:
        return None
    with transaction(store):
        number = store.execute("SELECT max(id) + 1 FROM netsuite_transaction").fetchone()[0]
        moment = now()
        today = date.fromisoformat(moment[:10])
        invoice = {name: row[name] for name in row.keys() if name in _WRITTEN}  # noqa: SIM118 - a Row is no dict
        _insert(
            store,
            "transaction",
            {
                **invoice,
                "id": number,
                "tranid": f"{row['tranid'].rpartition('-')[0]}-{number}",
                "status": "D",
                "approvalstatus": 1,
                "trandate": f"{today} 00:00:00",
                "duedate": f"{today + timedelta(days=30)} 00:00:00",
                "createddate": moment,
                "lastmodifieddate": moment,
                "posting": "F",
                "foreignamountpaid": "0",
                "foreignamountunpaid": row["foreigntotal"],
                "custbody_written_off": "F",
                "custbody_draft": "F",
                "custbody_fieldgate_command": None,
                "postingperiod": _this_period(store),
            },
        )
        key = store.execute("SELECT max(uniquekey) FROM netsuite_transactionline").fetchone()[0]
        lines = store.execute(
            "SELECT * FROM netsuite_transactionline WHERE [transaction] = ? ORDER BY id", (row["id"],)
        ).fetchall()
        for place, line in enumerate(lines, 1):
            _insert(store, "transactionline", {**dict(line), "uniquekey": key + place, "transaction": number})
    return str(number)


def _post(store: sqlite3.Connection, rng: Random) -> str | None:
    """An invoice is approved, and with that posted."""
    row = pick(store, rng, _OPEN_PERIOD.format("t.status = 'D'"))
    return _change(store, "invoice", row, {"custbody_draft": False, "approvalStatus": {"id": "2"}})


def _fall_due(store: sqlite3.Connection, rng: Random) -> str | None:
    """An open invoice turns out to have been due yesterday."""
    row = pick(store, rng, _OPEN_PERIOD.format("t.status = 'A' AND t.duedate >= date('now')"))
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    return _change(store, "invoice", row, {"dueDate": yesterday.isoformat()})


def _pay(store: sqlite3.Connection, rng: Random) -> str | None:
    """What an invoice still asks for arrives, and is applied to it."""
    row = pick(store, rng, _OPEN_PERIOD.format("t.status = 'A'"))
    if row is None:
        return None
    with transaction(store):
        moment = now()
        store.execute(
            "UPDATE netsuite_transaction SET status = 'B', foreignamountpaid = foreigntotal,"
            " foreignamountunpaid = '0', lastmodifieddate = ? WHERE id = ?",
            (moment, row["id"]),
        )
        _receive(store, row, moment)
        restate(store, row["entity"])
    return str(row["id"])


def _receive(store: sqlite3.Connection, invoice: sqlite3.Row, moment: str) -> None:
    """The customer payment, with its postings."""
    payment = store.execute("SELECT max(id) + 1 FROM netsuite_transaction").fetchone()[0]
    main = store.execute(
        "SELECT subsidiary FROM netsuite_transactionline WHERE [transaction] = ? AND mainline = 'T'",
        (invoice["id"],),
    ).fetchone()
    amount = invoice["foreignamountunpaid"]
    _insert(
        store,
        "transaction",
        {
            "id": payment,
            "type": "CustPymt",
            "tranid": f"PYMT{payment}",
            "status": "C",
            "approvalstatus": 2,
            "entity": invoice["entity"],
            "currency": invoice["currency"],
            "trandate": f"{moment[:10]} 00:00:00",
            "createddate": moment,
            "lastmodifieddate": moment,
            "posting": "T",
            "foreigntotal": amount,
            "postingperiod": _this_period(store),
        },
    )
    _insert(
        store,
        "transactionline",
        {
            "uniquekey": store.execute("SELECT max(uniquekey) + 1 FROM netsuite_transactionline").fetchone()[
                0
            ],
            "transaction": payment,
            "id": 0,
            "linesequencenumber": 0,
            "mainline": "T",
            "taxline": "F",
            "iscogs": "F",
            "subsidiary": main["subsidiary"],
            "foreignamount": amount,
        },
    )
    for book in _BOOKS:
        for line, account, side in ((0, _UNDEPOSITED, "debit"), (1, _RECEIVABLE, "credit")):
            _insert(
                store,
                "transactionaccountingline",
                {
                    "transaction": payment,
                    "transactionline": line,
                    "accountingbook": book,
                    "account": account,
                    "posting": "T",
                    side: amount,
                },
            )


def _this_period(store: sqlite3.Connection) -> int:
    return store.execute("SELECT max(id) FROM netsuite_accountingperiod").fetchone()[0]


def _change_customer(store: sqlite3.Connection, rng: Random) -> str | None:
    """A new telephone number."""
    row = pick(store, rng, "SELECT * FROM netsuite_customer ORDER BY id")
    phone = row and f"{(row['phone'] or '+1 555 0100 0000')[:-4]}{rng.randrange(10_000):04d}"
    return _change(store, "customer", row, {"phone": phone})


def _change(
    store: sqlite3.Connection, kind: str, row: sqlite3.Row | None, body: Mapping[str, Any]
) -> str | None:
    if row is None:
        return None
    change_record(store, kind, row["id"], body, strict=True)
    return str(row["id"])


def _insert(store: sqlite3.Connection, table: str, values: Mapping[str, Any]) -> None:
    unknown = values.keys() - TABLES[table].keys()
    if unknown:
        raise ValueError(f"netsuite_{table} has no {', '.join(sorted(unknown))}")
    columns = ", ".join(f"[{name}]" for name in values)
    places = ", ".join("?" for _ in values)
    store.execute(f"INSERT INTO netsuite_{table} ({columns}) VALUES ({places})", tuple(values.values()))


LIFE = (
    Happening("invoice is raised", 4, _raise_invoice),
    Happening("invoice is posted", 4, _post),
    Happening("invoice falls due", 2, _fall_due),
    Happening("invoice is paid", 4, _pay),
    Happening("customer changes", 1, _change_customer),
)
