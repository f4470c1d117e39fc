"""Where an invoice stands: one table, read from rows and pushed down as conditions alike.

NetSuite keeps a letter per transaction type; for ``CustInvc`` they are A Open, B Paid In Full,
D Pending Approval, E Rejected, V Voided. What the letter does not say comes from other columns:

==================  ======  ==========================================================
status              letter  and
==================  ======  ==========================================================
VOID                V
WRITTEN_OFF         A or B  the configured write-off checkbox is set
PAID                B       not written off
DRAFT               D       the configured draft checkbox is set
PENDING_APPROVAL    D       not a draft
OVERDUE             A       not written off, due before today
PARTIALLY_PAID      A       not written off, not past due, something is paid
OPEN                A       not written off, not past due, nothing is paid
==================  ======  ==========================================================

A rejected invoice (E) has no counterpart and reads as UNKNOWN, like any letter NetSuite may add.

``status`` itself holds the letter only; a condition must use ``BUILTIN.CF(status)``, which gives
``CustInvc:A`` (https://docs.oracle.com/en/cloud/saas/netsuite/ns-online-help/article_1029114514.html).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date

from adapters.contracts.convert import date_from_iso
from adapters.contracts.errors import Unsupported
from adapters.contracts.fields import Row
from adapters.contracts.vocabulary import InvoiceStatus
from adapters.netsuite.suiteql import Clause, day
from adapters.netsuite.values import number

_WRITTEN_OFF, _DRAFT, _PAST_DUE, _PART_PAID = "written_off", "draft", "past_due", "part_paid"


@dataclass(frozen=True, slots=True)
class _Rule:
    """A status: the letters it has, and the facts that must be so or not so."""

    status: InvoiceStatus
    letters: tuple[str, ...]
    facts: Mapping[str, bool] = field(default_factory=dict[str, bool])


_RULES = (
    _Rule(InvoiceStatus.VOID, ("V",)),
    _Rule(InvoiceStatus.WRITTEN_OFF, ("A", "B"), {_WRITTEN_OFF: True}),
    _Rule(InvoiceStatus.PAID, ("B",), {_WRITTEN_OFF: False}),
    _Rule(InvoiceStatus.DRAFT, ("D",), {_DRAFT: True}),
    _Rule(InvoiceStatus.PENDING_APPROVAL, ("D",), {_DRAFT: False}),
    _Rule(InvoiceStatus.OVERDUE, ("A",), {_WRITTEN_OFF: False, _PAST_DUE: True}),
    _Rule(InvoiceStatus.PARTIALLY_PAID, ("A",), {_WRITTEN_OFF: False, _PAST_DUE: False, _PART_PAID: True}),
    _Rule(InvoiceStatus.OPEN, ("A",), {_WRITTEN_OFF: False, _PAST_DUE: False, _PART_PAID: False}),
)


class InvoiceStatuses:
    """The table for one account. ``today`` is the account's own day.

    written_off, draft: the checkboxes' columns; None where the company has none, so that no row has the
    status and a filter on it is ``Unsupported``.
    """

    columns = ("status", "duedate", "foreignamountpaid", _WRITTEN_OFF, _DRAFT)
    """Result columns that a status is read from."""

    def __init__(self, *, written_off: str | None, draft: str | None, today: Callable[[], date]) -> None:
        self._checkboxes = {_WRITTEN_OFF: written_off, _DRAFT: draft}
        self._today = today
        absent = {name for name, column in self._checkboxes.items() if column is None}
        self._rules = tuple(
            rule for rule in _RULES if not any(rule.facts.get(name) is True for name in absent)
        )

    def read(self, row: Row) -> InvoiceStatus:
        letter = str(row.get("status", "")).rpartition(":")[2]
        due = date_from_iso(row.get("duedate"))
        facts = {
            _WRITTEN_OFF: row.get(_WRITTEN_OFF) == "T",
            _DRAFT: row.get(_DRAFT) == "T",
            _PAST_DUE: due is not None and due < self._today(),
            _PART_PAID: (number(row, "foreignamountpaid") or 0) > 0,
        }
        for rule in self._rules:
            if letter in rule.letters and all(facts[name] is so for name, so in rule.facts.items()):
                return rule.status
        return InvoiceStatus.UNKNOWN

    def clause(self, wanted: tuple[InvoiceStatus, ...]) -> Clause:
        """The condition that holds for the rows that read as one of ``wanted``."""
        by_status = {rule.status: rule for rule in self._rules}
        missing = [status.value for status in wanted if status not in by_status]
        if missing:
            raise Unsupported(f"NetSuite invoice cannot be filtered by the status {', '.join(missing)}")
        return Clause(" OR ".join(f"({self._condition(by_status[status])})" for status in wanted))

    def _condition(self, rule: _Rule) -> str:
        letters = ", ".join(f"'CustInvc:{letter}'" for letter in rule.letters)
        return " AND ".join(
            [
                f"BUILTIN.CF(t.status) IN ({letters})",
                *(sql for name, so in rule.facts.items() if (sql := self._fact(name, so)) is not None),
            ]
        )

    def _fact(self, name: str, so: bool) -> str | None:
        if name in self._checkboxes:
            column = self._checkboxes[name]
            return None if column is None else f"NVL(t.{column}, 'F') {'=' if so else '<>'} 'T'"
        today = day(self._today())
        return {
            (_PAST_DUE, True): f"t.duedate < {today}",
            (_PAST_DUE, False): f"(t.duedate IS NULL OR t.duedate >= {today})",
            (_PART_PAID, True): "NVL(t.foreignamountpaid, 0) > 0",
            (_PART_PAID, False): "NVL(t.foreignamountpaid, 0) <= 0",
        }[name, so]
