"""The RESTlet of ``void_restlet.js``, and what ``N/transaction.void`` does to an invoice."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping
from typing import Any, cast

import msgspec
from starlette.responses import JSONResponse, Response

from adapters.emulation.journal import Effect, note_effect
from adapters.emulation.store import transaction
from adapters.netsuite.emulator.changes import now
from adapters.netsuite.emulator.receivables import restate

SCRIPT, DEPLOY = "customscript_fieldgate_void", "customdeploy_fieldgate_void"

_MARKER = "custbody_fieldgate_command"
_FIND = """
SELECT t.*, p.closed FROM netsuite_transaction t
LEFT JOIN netsuite_accountingperiod p ON p.id = t.postingperiod
WHERE t.id = ? AND t.type = 'CustInvc'
"""


class _Refused(Exception):
    """A SuiteScript error, as a RESTlet answers it."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def run_restlet(
    store: sqlite3.Connection, query: Mapping[str, str], body: bytes, *, allowed: bool
) -> Response:
    """The answer of the deployed script."""
    try:
        if not allowed:
            raise _Refused("INVALID_LOGIN_ATTEMPT", "Invalid login attempt.", 401)
        if (query.get("script"), query.get("deploy")) != (SCRIPT, DEPLOY):
            text = "That Suitelet is invalid, disabled, or no longer exists."
            raise _Refused("SSS_INVALID_SCRIPTLET_ID", text)
        return JSONResponse(_void(store, body))
    except _Refused as refused:
        content = {"error": {"code": refused.code, "message": refused.message}}
        return JSONResponse(content, refused.status)


def _void(store: sqlite3.Connection, body: bytes) -> dict[str, str]:
    try:
        decoded = msgspec.json.decode(body)
    except msgspec.DecodeError:
        decoded = None
    given: dict[str, Any] = cast("dict[str, Any]", decoded) if isinstance(decoded, dict) else {}
    record_id, key, marker = str(given.get("id")), given.get("key"), given.get("keyField")
    if given.get("type") != "invoice" or not re.fullmatch(r"[1-9][0-9]{0,17}", record_id):
        raise _Refused("INVALID_REQUEST", "type must be invoice, id an internal id")
    if marker not in (None, _MARKER):
        raise _Refused("INVALID_REQUEST", "keyField must be a transaction body field")
    with transaction(store):
        row = store.execute(_FIND, (int(record_id),)).fetchone()
        if row is None:
            raise _Refused("RCRD_DSNT_EXIST", "That record does not exist.")
        if row["status"] == "V" and marker is not None and row[_MARKER] == key:
            return {"id": record_id}
        if row["status"] not in ("A", "D") or float(row["foreignamountpaid"]) > 0 or row["closed"] == "T":
            text = "Only an unpaid invoice of an open period can be voided."
            raise _Refused("FIELDGATE_WRONG_STATE", text)
        _zero(store, row, key if marker is not None else row[_MARKER])
        note_effect(store, Effect("netsuite", "void invoice", record_id, key))
    return {"id": record_id}


def _zero(store: sqlite3.Connection, row: sqlite3.Row, key: str | None) -> None:
    """Total and lines become zero; the transaction stays."""
    store.execute(
        "UPDATE netsuite_transaction SET status = 'V', foreigntotal = '0', foreignamountunpaid = '0',"
        f" lastmodifieddate = ?, {_MARKER} = ? WHERE id = ?",
        (now(), key, row["id"]),
    )
    store.execute(
        "UPDATE netsuite_transactionline SET foreignamount = '0', rate = iif(rate IS NULL, NULL, '0')"
        " WHERE [transaction] = ?",
        (row["id"],),
    )
    restate(store, row["entity"])
