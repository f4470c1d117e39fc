"""Reads customer invoices with ``naiad``, the client that Tryton's makers wrote for its REST API.

A script, run by the Python of Tryton's own environment; never imported here. It reads ``{"url", "key"}``
from standard input and writes what the client understood to standard output.
"""

import json
import sys

from naiad import Client

asked = json.load(sys.stdin)
client = Client(asked["url"], asked["key"])
fields = [
    "number",
    "state",
    "total_amount",
    "amount_to_pay",
    "currency.code",
    "invoice_date",
    "write_date",
    "party.code",
    "lines.amount",
]
invoices = client.search("account.invoice", [("type", "=", "out")], fields=fields)
json.dump(
    {
        str(invoice.id): {
            "number": invoice.number,
            "state": invoice.state,
            "total": str(invoice.total_amount),
            "due": str(invoice.amount_to_pay),
            "currency": invoice.currency.code,
            "issued_on": invoice.invoice_date.isoformat(),
            "updated_at": invoice.write_date and invoice.write_date.isoformat(),
            "customer": invoice.party.code,
            "lines": [str(line.amount) for line in invoice.lines],
        }
        for invoice in invoices
    },
    sys.stdout,
)
