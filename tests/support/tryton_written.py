"""Reads back what was written, with both clients that Tryton's makers wrote: ``naiad`` and ``proteus``.

A script, run by the Python of Tryton's own environment; never imported here. It reads ``{"url", "key",
"user", "password", "party", "posted", "voided"}`` (ids) from standard input and writes to standard output
what each of the clients understood.
"""

import json
import sys
from urllib.parse import quote, urlsplit

from naiad import Client
from proteus.config import set_xmlrpc

INVOICE = ["state", "number", "move.state", "move.lines.debit", "move.lines.credit", "cancel_move.state"]
PARTY = [
    "name",
    "tax_identifier.code",
    "addresses.invoice",
    "addresses.street",
    "addresses.city",
    "addresses.country.code",
]


def invoice(found):
    return {
        "state": found.state,
        "numbered": bool(found.number),
        "move": found.move and found.move.state,
        "balance": str(sum(line.debit - line.credit for line in found.move.lines)),
        "cancel_move": found.cancel_move and found.cancel_move.state,
    }


def party(found):
    (address,) = (each for each in found.addresses if each.invoice)
    return {
        "name": found.name,
        "tax_id": found.tax_identifier.code,
        "address": [address.street, address.city, address.country.code],
    }


def written(asked, read):
    return {
        "party": party(read("party.party", asked["party"], PARTY)),
        "posted": invoice(read("account.invoice", asked["posted"], INVOICE)),
        "voided": invoice(read("account.invoice", asked["voided"], INVOICE)),
    }


def by_naiad(asked):
    client = Client(asked["url"], asked["key"])

    def read(model, number, fields):
        (found,) = client.search(model, [("id", "=", number)], fields=fields)
        return found

    return written(asked, read)


class Row:
    """A row of proteus's proxy, read as naiad's records are: related ones under their names."""

    def __init__(self, values):
        for name, value in values.items():
            setattr(self, name.rstrip("."), _related(value) if name.endswith(".") else value)


def _related(value):
    if isinstance(value, list):
        return [Row(each) for each in value]
    return value and Row(value)


def by_proteus(asked):
    # Through the proxy: a proteus model first fetches the definitions of all that it is related to.
    address = urlsplit(asked["url"])
    password = quote(asked["password"])
    config = set_xmlrpc(f"{address.scheme}://{asked['user']}:{password}@{address.netloc}{address.path}/rpc/")

    def read(model, number, fields):
        (values,) = config.get_proxy(model).read([number], fields, config.context)
        return Row(values)

    return written(asked, read)


asked = json.load(sys.stdin)
json.dump({"naiad": by_naiad(asked), "proteus": by_proteus(asked)}, sys.stdout)
