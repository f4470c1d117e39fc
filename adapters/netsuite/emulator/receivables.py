"""What a customer owes, kept in step with its invoices."""

from __future__ import annotations

import sqlite3

_OWED = (
    "(SELECT coalesce(netsuite_sum(foreignamountunpaid), '0') FROM netsuite_transaction t"
    " WHERE t.entity = c.id AND t.type = 'CustInvc' AND t.status = 'A'{})"
)


def restate(store: sqlite3.Connection, customer_id: int) -> None:
    """Works out balance and overdue balance anew. ``netsuite_sum`` must have been registered."""
    balance, overdue = _OWED.format(""), _OWED.format(" AND t.duedate < date('now')")
    store.execute(
        f"UPDATE netsuite_customer AS c SET balancesearch = {balance}, overduebalancesearch = {overdue}"
        " WHERE c.id = ?",
        (customer_id,),
    )
