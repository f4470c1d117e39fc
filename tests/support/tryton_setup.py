"""Fills a new Tryton database with a small company, over Tryton's own protocol.

A script, run by the Python of Tryton's own environment, where ``proteus`` (Tryton's scripting client)
is; never imported here. It reads ``{"url", "admin_password", "users"}`` from standard input and
writes to standard output what it wrote to the server: the facts that tests compare with.

Days are fixed and far from any today: what is due is due in 2025, what is not yet due is due in 2065, so
that a database built once stays true.
"""

import datetime as dt
import json
import sys
from decimal import Decimal

from proteus import Model, Wizard
from proteus.config import set_xmlrpc_session
from tryton_books import BUYERS, YEAR, Books

CURRENCIES = {"EUR": ("0.01", "1"), "USD": ("0.01", "1.25"), "JPY": ("1", "160")}
RATES_SINCE = dt.date(2000, 1, 1)
TAX_RATE = Decimal("0.20")
PARTIES = 16

ACCOUNT_KINDS = {
    "receivable": "type.receivable",
    "revenue": "type.revenue",
    "payable": "type.payable",
    "expense": "type.expense",
}


def currencies():
    Currency, Rate = Model.get("currency.currency"), Model.get("currency.currency.rate")
    made = {}
    for code, (rounding, rate) in CURRENCIES.items():
        currency = Currency(name=code, code=code, rounding=Decimal(rounding))
        currency.digits = 0 if rounding == "1" else 2
        currency.save()
        Rate(date=RATES_SINCE, rate=Decimal(rate), currency=currency).save()
        made[code] = currency
    return made


def countries():
    Country, Subdivision = Model.get("country.country"), Model.get("country.subdivision")
    germany = Country(name="Germany", code="DE", code3="DEU", code_numeric="276")
    germany.save()
    states = Country(name="United States", code="US", code3="USA", code_numeric="840")
    states.save()
    oregon = Subdivision(name="Oregon", code="US-OR", type="state", country=states)
    oregon.save()
    return germany, states, oregon


def company(config, currency, germany):
    Party, User = Model.get("party.party"), Model.get("res.user")
    party = Party(name="Fieldgate GmbH", code="FG-DE")
    (address,) = party.addresses
    address.country = germany
    party.save()
    wizard = Wizard("company.company.config")
    wizard.execute("company")
    wizard.form.party = party
    wizard.form.currency = currency
    wizard.execute("add")
    config._context = User.get_preferences(True, {})
    (made,) = Model.get("company.company").find()
    return made


def chart(config, company):
    Account, Data = Model.get("account.account"), Model.get("ir.model.data")
    template = Data.get_id("account.account_template_root_en", config.context)
    wizard = Wizard("account.create_chart")
    wizard.execute("account")
    wizard.form.account_template = Model.get("account.account.template")(template)
    wizard.form.company = company
    wizard.execute("create_account")
    accounts = {
        kind: Account.find([(clause, "=", True), ("closed", "!=", True)], limit=1)[0]
        for kind, clause in ACCOUNT_KINDS.items()
    }
    accounts["cash"] = Account.find([("code", "=", "1.1.1")], limit=1)[0]
    accounts["tax"] = Account.find([("code", "=", "6.3.6")], limit=1)[0]
    wizard.form.account_receivable = accounts["receivable"]
    wizard.form.account_payable = accounts["payable"]
    wizard.execute("create_properties")
    configuration = Model.get("account.configuration")(1)
    configuration.currency_exchange_debit_account = accounts["expense"]
    configuration.currency_exchange_credit_account = accounts["expense"]
    configuration.save()
    return accounts


def fiscal_year(company):
    Sequence, Type = Model.get("ir.sequence.strict"), Model.get("ir.sequence.type")
    Year = Model.get("account.fiscalyear")
    for_moves, for_invoices = (
        Sequence(name=f"{name} {YEAR}", sequence_type=Type.find([("name", "=", name)])[0], company=company)
        for name in ("Account Move", "Invoice")
    )
    for_moves.save()
    for_invoices.prefix = "INV-"
    for_invoices.save()
    year = Year(name=str(YEAR), company=company, move_sequence=for_moves)
    year.start_date, year.end_date = dt.date(YEAR, 1, 1), dt.date(YEAR, 12, 31)
    (sequences,) = year.invoice_sequences
    for kind in ("out_invoice", "in_invoice", "out_credit_note", "in_credit_note"):
        setattr(sequences, f"{kind}_sequence", for_invoices)
    year.save()
    year.click("create_period")


def payment_terms():
    Term = Model.get("account.invoice.payment_term")
    made = {}
    for name, days in (("30 days", 30), ("40 years", 14610)):
        term = Term(name=name)
        term.lines.new(type="remainder").relativedeltas.new(days=days)
        term.save()
        made[name] = term
    term = Term(name="half now, half later")
    half = term.lines.new(type="percent", ratio=Decimal("0.5"))
    half.relativedeltas[0].days = 10
    term.lines.new(type="remainder").relativedeltas.new(days=14610)
    term.save()
    made[term.name] = term
    return made


def payment_method(account):
    (journal,) = Model.get("account.journal").find([("type", "=", "cash")])
    method = Model.get("account.invoice.payment.method")(name="Bank", journal=journal)
    method.credit_account = method.debit_account = account
    method.save()
    return method


def parties(terms, germany, states, oregon):
    """Every fourth is American; every third has a tax identifier."""
    Party = Model.get("party.party")
    made, facts = [], []
    for n in range(1, PARTIES + 1):
        american = n % 4 == 0
        party = Party(name=f"Customer {n:02d} Ltd", code=f"001FG{n:013d}")
        address = party.addresses[0]
        address.street_unstructured = f"{n} Elm Street\nSuite {n}"
        address.city, address.postal_code = (
            ("Portland", f"972{n:02d}") if american else ("Berlin", f"101{n:02d}")
        )
        address.country = states if american else germany
        if american:
            address.subdivision = oregon
        address.invoice = False
        second = party.addresses.new(invoice=True)
        second.street_unstructured, second.city = f"{n} Invoice Lane", "Hamburg"
        second.postal_code, second.country = f"200{n:02d}", germany
        email = f"billing{n}@customer{n:02d}.example"
        party.contact_mechanisms.new(type="email", value=email)
        party.contact_mechanisms.new(type="website", value=f"https://customer{n:02d}.example")
        tax_id = f"91-14442{n:02d}" if n % 3 == 0 else None
        if tax_id:
            party.identifiers.new(type="us_ein").code = tax_id
        term = ("30 days", "half now, half later", None)[n % 3]
        if term:
            party.customer_payment_term = terms[term]
        party.save()
        made.append(party)
        facts.append(
            {
                "id": party.id,
                "crm_id": party.code,
                "name": party.name,
                "email": email,
                "website": f"https://customer{n:02d}.example",
                "tax_id": tax_id,
                "payment_terms_days": 30 if term == "30 days" else None,
                "billing": {
                    "line1": f"{n} Invoice Lane",
                    "line2": None,
                    "city": "Hamburg",
                    "region": None,
                    "postal_code": f"200{n:02d}",
                    "country": "DE",
                },
                "active": n != BUYERS,
            }
        )
    # One whose only address is not marked for invoices: Tryton then invoices the first.
    plain = Party(name="Walk-in Customer", code="WALK-IN")
    address = plain.addresses[0]
    address.street_unstructured, address.city, address.postal_code = "1 Pine Road\nRear", "Salem", "97301"
    address.country, address.subdivision = states, oregon
    plain.save()
    facts.append(
        {
            "id": plain.id,
            "crm_id": "WALK-IN",
            "name": plain.name,
            "email": None,
            "website": None,
            "tax_id": None,
            "payment_terms_days": None,
            "billing": {
                "line1": "1 Pine Road",
                "line2": "Rear",
                "city": "Salem",
                "region": "Oregon",
                "postal_code": "97301",
                "country": "US",
            },
            "active": True,
        }
    )
    return made, facts


def tax(account):
    made = Model.get("account.tax")(name="VAT", description="VAT", type="percentage", rate=TAX_RATE)
    made.invoice_account = made.credit_note_account = account
    made.save()
    return made


def readers(name, models):
    """A group that may read the models."""
    Access = Model.get("ir.model.access")
    group = Model.get("res.group")(name=name)
    group.save()
    for model in models:
        access = Access(model=model, group=group)
        access.perm_read = True
        access.perm_write = access.perm_create = access.perm_delete = False
        access.save()
    return group


def users(config, wanted):
    """Users by login: which groups they are in, and whether they get an application key."""
    User, Group = Model.get("res.user"), Model.get("res.group")
    Application, Data = Model.get("res.user.application"), Model.get("ir.model.data")
    keys = {}
    for login, asked in wanted.items():
        (company,) = Model.get("company.company").find()
        user = User(name=login, login=login)
        user.password = asked["password"]
        user.companies.append(company)
        user.company = company
        for name in asked["groups"]:
            user.groups.append(Group(Data.get_id(name, config.context)))
        if asked.get("reads"):
            user.groups.append(readers(login, asked["reads"]))
        user.save()
        application = Application(user=user, application="rest")
        application.save()
        keys[login] = application.key
    return keys


def main():
    asked = json.load(sys.stdin)
    with set_xmlrpc_session(asked["url"], "admin", asked["admin_password"]) as config:
        money = currencies()
        germany, states, oregon = countries()
        here = company(config, money["EUR"], germany)
        accounts = chart(config, here)
        fiscal_year(here)
        keys = users(config, asked["users"])
        terms = payment_terms()
        method = payment_method(accounts["cash"])
        vat = tax(accounts["tax"])
        customers, customer_facts = parties(terms, germany, states, oregon)
        books = Books(config, terms, money, accounts, vat, method)
        invoices = books.write(customers)
        Model.get("account.invoice")(type="in", party=customers[0], reference="sub_0000").save()
        archived = customers[BUYERS - 1]
        archived.active = False
        archived.save()
        facts = {
            "company": {"code": here.party.code, "name": here.party.name, "currency": "EUR", "country": "DE"},
            "customers": customer_facts,
            "invoices": invoices,
            "payments": books.payments,
            "keys": keys,
        }
    json.dump(facts, sys.stdout)


main()
