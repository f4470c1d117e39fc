"""Single records of the REST record service, as ``GET record/v1/{type}/{id}`` gives them.

Camel-case names, numbers for amounts, references as ``{id, refName, links}``; null fields are left out.
"""

from __future__ import annotations

import sqlite3
from decimal import Decimal
from typing import Any

_CUSTOMER = """
SELECT c.*, cur.name AS currency_name, s.name AS subsidiary_name, t.name AS term_name
FROM netsuite_customer c
LEFT JOIN netsuite_currency cur ON cur.id = c.currency
LEFT JOIN netsuite_subsidiary s ON s.id = c.subsidiary
LEFT JOIN netsuite_term t ON t.id = c.terms
WHERE c.id = ?
"""
_INVOICE = """
SELECT t.*, cur.name AS currency_name, c.companyname AS customer_name,
       s.id AS subsidiary, s.name AS subsidiary_name
FROM netsuite_transaction t
LEFT JOIN netsuite_currency cur ON cur.id = t.currency
LEFT JOIN netsuite_customer c ON c.id = t.entity
LEFT JOIN netsuite_transactionline m ON m.[transaction] = t.id AND m.mainline = 'T'
LEFT JOIN netsuite_subsidiary s ON s.id = m.subsidiary
WHERE t.id = ? AND t.type = 'CustInvc'
"""
_STATUS_NAMES = {"A": "Open", "B": "Paid In Full", "D": "Pending Approval", "E": "Rejected", "V": "Voided"}


def record(store: sqlite3.Connection, root: str, kind: str, record_id: int) -> dict[str, Any] | None:
    """A record's document, or None where there is no such record. ``kind`` is ``customer`` or ``invoice``."""
    row = store.execute(_CUSTOMER if kind == "customer" else _INVOICE, (record_id,)).fetchone()
    if row is None:
        return None
    document = _customer(root, row) if kind == "customer" else _invoice(root, row)
    own = {"links": [{"rel": "self", "href": f"{root}/{kind}/{record_id}"}]}
    return own | {name: value for name, value in document.items() if value is not None}


def _customer(root: str, row: sqlite3.Row) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "entityId": row["entityid"],
        "companyName": row["companyname"],
        "email": row["email"],
        "phone": row["phone"],
        "url": row["url"],
        "vatRegNumber": row["vatregnumber"],
        "creditLimit": _number(row["creditlimit"]),
        "balance": _number(row["balancesearch"]),
        "overdueBalance": _number(row["overduebalancesearch"]),
        "creditHoldOverride": {"id": row["creditholdoverride"]},
        "currency": _reference(root, "currency", row["currency"], row["currency_name"]),
        "subsidiary": _reference(root, "subsidiary", row["subsidiary"], row["subsidiary_name"]),
        "terms": _reference(root, "term", row["terms"], row["term_name"]),
        "isInactive": row["isinactive"] == "T",
        "isPerson": False,
        "dateCreated": _zulu(row["datecreated"]),
        "lastModifiedDate": _zulu(row["lastmodifieddate"]),
        "addressBook": {"links": [{"rel": "self", "href": f"{root}/customer/{row['id']}/addressBook"}]},
        "custentity_crm_id": row["custentity_crm_id"],
        "custentity_fieldgate_command": row["custentity_fieldgate_command"],
    }


def _invoice(root: str, row: sqlite3.Row) -> dict[str, Any]:
    name = _STATUS_NAMES.get(row["status"], row["status"])
    return {
        "id": str(row["id"]),
        "tranId": row["tranid"],
        "tranDate": row["trandate"][:10],
        "dueDate": row["duedate"] and row["duedate"][:10],
        "status": {"id": name, "refName": name},
        "approvalStatus": {"id": str(row["approvalstatus"])},
        "entity": _reference(root, "customer", row["entity"], row["customer_name"]),
        "currency": _reference(root, "currency", row["currency"], row["currency_name"]),
        "subsidiary": _reference(root, "subsidiary", row["subsidiary"], row["subsidiary_name"]),
        "memo": row["memo"],
        "total": _number(row["foreigntotal"]),
        "amountPaid": _number(row["foreignamountpaid"]),
        "amountRemaining": _number(row["foreignamountunpaid"]),
        "createdDate": _zulu(row["createddate"]),
        "lastModifiedDate": _zulu(row["lastmodifieddate"]),
        "item": {"links": [{"rel": "self", "href": f"{root}/invoice/{row['id']}/item"}]},
        "custbody_subscription_id": row["custbody_subscription_id"],
        "custbody_written_off": row["custbody_written_off"] == "T",
        "custbody_draft": row["custbody_draft"] == "T",
        "custbody_fieldgate_command": row["custbody_fieldgate_command"],
    }


def _reference(root: str, kind: str, record_id: int | None, name: str | None) -> dict[str, Any] | None:
    if record_id is None:
        return None
    links = [{"rel": "self", "href": f"{root}/{kind}/{record_id}"}]
    return {"links": links, "id": str(record_id), "refName": name}


def _number(amount: str | None) -> Decimal | None:
    return None if amount is None else Decimal(amount)


def _zulu(moment: str) -> str:
    return moment.replace(" ", "T") + "Z"
