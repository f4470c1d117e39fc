"""The tables behind SuiteQL, in SQLite. Amounts are decimal text, times ``YYYY-MM-DD HH:MM:SS`` in UTC.

A table is named ``netsuite_`` and its SuiteQL name. ``status_cf`` is what ``BUILTIN.CF(status)`` gives.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

INTEGER, TEXT, MONEY, TIME = "INTEGER", "TEXT", "TEXT /* money */", "TEXT /* time */"

TABLES: Mapping[str, Mapping[str, str]] = {
    "currency": {"id": "INTEGER PRIMARY KEY", "symbol": TEXT, "name": TEXT, "isinactive": TEXT},
    "term": {"id": "INTEGER PRIMARY KEY", "name": TEXT, "daysuntilnetdue": INTEGER, "isinactive": TEXT},
    "account": {
        "id": "INTEGER PRIMARY KEY",
        "acctnumber": TEXT,
        "accountsearchdisplayname": TEXT,
        "accttype": TEXT,
        "isinactive": TEXT,
    },
    "subsidiary": {
        "id": "INTEGER PRIMARY KEY",
        "name": TEXT,
        "fullname": TEXT,
        "country": TEXT,
        "currency": INTEGER,
        "externalid": TEXT,
        "isinactive": TEXT,
    },
    "accountingperiod": {
        "id": "INTEGER PRIMARY KEY",
        "periodname": TEXT,
        "startdate": TIME,
        "enddate": TIME,
        "closed": TEXT,
        "allownonglchanges": TEXT,
    },
    "customer": {
        "id": "INTEGER PRIMARY KEY",
        "entityid": TEXT,
        "companyname": TEXT,
        "altname": TEXT,
        "email": TEXT,
        "phone": TEXT,
        "url": TEXT,
        "vatregnumber": TEXT,
        "creditlimit": MONEY,
        "balancesearch": MONEY,
        "overduebalancesearch": MONEY,
        "creditholdoverride": TEXT,
        "oncredithold": TEXT,
        "terms": INTEGER,
        "currency": INTEGER,
        "subsidiary": INTEGER,
        "isinactive": TEXT,
        "externalid": TEXT,
        "datecreated": TIME,
        "lastmodifieddate": TIME,
        "custentity_crm_id": TEXT,
        "custentity_fieldgate_command": TEXT,
    },
    "customeraddressbook": {
        "internalid": "INTEGER PRIMARY KEY",
        "entity": INTEGER,
        "addressbookaddress": INTEGER,
        "defaultbilling": TEXT,
        "defaultshipping": TEXT,
        "label": TEXT,
    },
    "customeraddressbookentityaddress": {
        "nkey": "INTEGER PRIMARY KEY",
        "addressee": TEXT,
        "addr1": TEXT,
        "addr2": TEXT,
        "city": TEXT,
        "state": TEXT,
        "zip": TEXT,
        "country": TEXT,
    },
    "transaction": {
        "id": "INTEGER PRIMARY KEY",
        "type": TEXT,
        "tranid": TEXT,
        "status": TEXT,
        "approvalstatus": INTEGER,
        "entity": INTEGER,
        "currency": INTEGER,
        "trandate": TIME,
        "duedate": TIME,
        "createddate": TIME,
        "lastmodifieddate": TIME,
        "posting": TEXT,
        "memo": TEXT,
        "foreigntotal": MONEY,
        "foreignamountpaid": MONEY,
        "foreignamountunpaid": MONEY,
        "externalid": TEXT,
        "custbody_subscription_id": TEXT,
        "custbody_payment_id": TEXT,
        "custbody_written_off": TEXT,
        "custbody_draft": TEXT,
        "custbody_fieldgate_command": TEXT,
        "postingperiod": INTEGER,
        "status_cf": "TEXT GENERATED ALWAYS AS (type || ':' || status) VIRTUAL",
    },
    "transactionline": {
        "uniquekey": "INTEGER PRIMARY KEY",
        "transaction": INTEGER,
        "id": INTEGER,
        "linesequencenumber": INTEGER,
        "mainline": TEXT,
        "taxline": TEXT,
        "iscogs": TEXT,
        "subsidiary": INTEGER,
        "memo": TEXT,
        "quantity": MONEY,
        "rate": MONEY,
        "foreignamount": MONEY,
    },
    "transactionaccountingline": {
        "transaction": INTEGER,
        "transactionline": INTEGER,
        "accountingbook": INTEGER,
        "account": INTEGER,
        "posting": TEXT,
        "debit": MONEY,
        "credit": MONEY,
    },
    "deletedrecord": {
        "recordid": INTEGER,
        "type": TEXT,
        "name": TEXT,
        "deletedby": INTEGER,
        "deleteddate": TIME,
    },
}

HIDDEN = frozenset({"status_cf"})
DECIMALS = frozenset(name for columns in TABLES.values() for name, kind in columns.items() if kind is MONEY)

_INDEXES: Sequence[tuple[str, str]] = (
    ("customer", "custentity_crm_id"),
    ("customer", "lower(email)"),
    ("customer", "lastmodifieddate"),
    ("customeraddressbook", "entity"),
    ("transaction", "type, id"),
    ("transaction", "entity, type"),
    ("transaction", "custbody_subscription_id"),
    ("transaction", "custbody_payment_id"),
    ("transaction", "status_cf, duedate"),
    ("transaction", "type, duedate"),
    ("transaction", "type, trandate"),
    ("transaction", "lastmodifieddate"),
    ("transactionline", "[transaction], mainline"),
    ("transactionaccountingline", "[transaction], transactionline"),
    ("deletedrecord", "deleteddate"),
)


def create(store: sqlite3.Connection) -> None:
    """Creates the empty tables."""
    for table, columns in TABLES.items():
        body = ", ".join(f"[{name}] {kind}" for name, kind in columns.items())
        store.execute(f"CREATE TABLE netsuite_{table} ({body})")


def index(store: sqlite3.Connection) -> None:
    """Adds the indexes, once the tables are filled, and tells the planner what is in them."""
    for place, (table, columns) in enumerate(_INDEXES):
        store.execute(f"CREATE INDEX netsuite_index_{place} ON netsuite_{table} ({columns})")
    for table in TABLES:
        store.execute(f"ANALYZE netsuite_{table}")
