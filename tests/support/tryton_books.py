"""The invoices and payments of the company that ``tryton_setup.py`` makes, part of that script."""

import datetime as dt
import hashlib
from decimal import Decimal

from proteus import Model, Wizard

YEAR = 2025
BUYERS = 11
"""So many of the parties get invoices. The last of them is archived afterwards."""

LIVES = [
    ("draft", "30 days", "EUR"),
    ("validated", "30 days", "EUR"),
    ("posted", "40 years", "EUR"),
    ("posted", "30 days", "USD"),
    ("paid", "30 days", "EUR"),
    ("cancelled", "30 days", "EUR"),
    ("part", "40 years", "EUR"),
    ("paid", "40 years", "JPY"),
    ("posted", "half now, half later", "EUR"),
    ("half", "half now, half later", "EUR"),
    ("paid", "30 days", "USD"),
    ("credit", "30 days", "EUR"),
]
"""What becomes of invoices, dealt round-robin: (life, payment term, currency). "part" pays a third."""

ROUNDS = 3


class Books:
    """Writes invoices and their payments, and remembers what it wrote.

    Invoices are made with complete values, in few calls: each value set on a record of proteus is one.
    """

    def __init__(self, config, terms, currencies, accounts, tax, method):
        self.config, self.terms, self.currencies, self.accounts = config, terms, currencies, accounts
        self.tax, self.method = tax, method
        self.proxy = config.get_proxy("account.invoice")
        self.payments = []

    def write(self, parties):
        """The facts of ``ROUNDS`` invoices of each life."""
        (journal,) = Model.get("account.journal").find([("type", "=", "revenue")])
        values, facts = [], []
        for n in range(ROUNDS * len(LIVES)):
            value, fact = self.invoice(n, parties[n % BUYERS], *LIVES[n % len(LIVES)])
            values.append({**value, "journal": journal.id})
            facts.append(fact)
        ids = self.proxy.create(values, self.config.context)
        for number, fact in zip(ids, facts, strict=True):
            fact["id"] = number
        self.live(facts)
        self.complete(facts)
        return facts

    def invoice(self, n, party, moves, term, currency):
        # In order: Tryton numbers invoices by day.
        day = dt.date(YEAR, 1, 2) + dt.timedelta(days=5 * n)
        sign = -1 if moves == "credit" else 1
        prices = ("120.50", f"{10 + n}.25") if currency != "JPY" else (f"{1200 + n}",) * 2
        lines = [
            [f"Item {position}", sign * quantity, price]
            for position, (quantity, price) in enumerate(zip((1 + n % 5, 2), prices, strict=True))
        ]
        value = {
            "type": "out",
            "party": party.id,
            "invoice_address": party.addresses[1].id,
            "account": self.accounts["receivable"].id,
            "currency": self.currencies[currency].id,
            "invoice_date": day,
            "payment_term": self.terms[term].id,
            "reference": f"sub_{n // 2:04d}",
            "comment": f"Invoice {n} of the year",
            "lines": [
                (
                    "create",
                    [
                        {
                            "type": "line",
                            "currency": self.currencies[currency].id,
                            "account": self.accounts["revenue"].id,
                            "description": description,
                            "quantity": float(quantity),
                            "unit_price": Decimal(price),
                            "taxes": [("add", [self.tax.id])],
                        }
                        for description, quantity, price in lines
                    ],
                )
            ],
        }
        first_due = {"30 days": 30, "40 years": 14610, "half now, half later": 10}[term]
        due = day + dt.timedelta(days=14610 if moves == "half" else first_due)
        posted = moves not in ("draft", "validated", "cancelled")
        fact = {
            "party": party.id,
            "crm_id": party.code,
            "subscription": value["reference"],
            "memo": value["comment"],
            "life": moves,
            "currency": currency,
            "issued_on": day.isoformat(),
            "due_on": due.isoformat() if posted else None,
            "overdue": moves == "posted" and term != "40 years",
            "lines": [[description, str(quantity), price] for description, quantity, price in lines],
            "paid": "0",
        }
        return value, fact

    def live(self, facts):
        """Takes each invoice through what its life says."""

        def ids(*without):
            return [fact["id"] for fact in facts if fact["life"] not in without]

        context = self.config.context
        self.proxy.validate_invoice(ids("draft", "cancelled"), context)
        posted = ids("draft", "validated", "cancelled")
        for number in posted:
            self.confirm_past_due_date(number)
        self.proxy.post(posted, context)
        self.proxy.cancel([fact["id"] for fact in facts if fact["life"] == "cancelled"], context)
        for fact in facts:
            if fact["life"] in ("paid", "part", "half"):
                fact["paid"] = str(self.pay(fact))

    def complete(self, facts):
        """What only the server could work out: numbers, sums, and the ledger's view of what is due."""
        fields = ["number", "untaxed_amount", "tax_amount", "total_amount"]
        fields += ["lines_to_pay.maturity_date", "lines_to_pay.debit"]
        rows = self.proxy.read([fact["id"] for fact in facts], fields, self.config.context)
        for fact, row in zip(facts, sorted(rows, key=lambda row: row["id"]), strict=True):
            fact["number"] = row["number"]
            fact["subtotal"], fact["tax"] = str(row["untaxed_amount"]), str(row["tax_amount"])
            fact["total"] = str(row["total_amount"])
            # In the company's currency, as the ledger has it.
            lines = row["lines_to_pay."]
            due = (line["debit"] for line in lines if line["maturity_date"].year == YEAR)
            fact["due_in_2025"] = str(sum(due, Decimal(0)))

    def confirm_past_due_date(self, invoice):
        """A due date in the past makes Tryton ask whether that is meant; this is the user's yes."""
        record = hashlib.md5(f"account.invoice,{invoice}".encode()).hexdigest()
        warnings = self.config.get_proxy("res.user.warning")
        warnings.skip(f"{record}.invoice_payment_term", True, self.config.context)

    def pay(self, fact):
        """Pays the whole, a third, or the first half, by the wizard that a user pays with."""
        invoice = Model.get("account.invoice")(fact["id"])
        amount = invoice.total_amount
        if fact["life"] == "part":
            amount = (amount / 3).quantize(Decimal(1))
        elif fact["life"] == "half":
            amount = min(invoice.lines_to_pay, key=lambda line: line.maturity_date).debit
        day, payment = invoice.invoice_date + dt.timedelta(days=3), f"pi_{fact['id']:04d}"
        wizard = Wizard("account.invoice.pay", [invoice])
        wizard.form.amount, wizard.form.date = amount, day
        wizard.form.payment_method, wizard.form.description = self.method, payment
        wizard.execute("choice")
        if fact["life"] == "part":
            wizard.form.type = "partial"
            wizard.execute("pay")
        (move,) = Model.get("account.move").find([("description", "=", payment)])
        self.payments.append(
            {
                "id": move.id,
                "payment": payment,
                "number": move.number,
                "posted_on": day.isoformat(),
                "account": self.accounts["cash"].rec_name,
            }
        )
        return amount
