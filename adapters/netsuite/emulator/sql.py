"""SuiteQL to SQLite: a closed subset, token by token.

Only what is known passes: one SELECT over the emulated tables, the functions of ``functions.py`` and
``BUILTIN.CF(status)``. What SuiteQL has not is refused as NetSuite refuses it (comments, several
statements, LIMIT); what it has beyond the subset (derived tables, comma joins, ROWNUM) is refused too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from adapters.netsuite.emulator.functions import FUNCTIONS
from adapters.netsuite.emulator.problems import search_problem
from adapters.netsuite.emulator.tables import DECIMALS, HIDDEN, TABLES

_TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:[^']|'')*')|(?P<number>\d+(?:\.\d+)?)|(?P<word>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<sign><>|!=|<=|>=|\|\||[=<>(),.*+/-]))"
)
_KEYWORDS = frozenset(
    (
        *("SELECT", "DISTINCT", "AS", "FROM", "JOIN", "LEFT", "INNER", "OUTER", "ON", "WHERE"),
        *("AND", "OR", "NOT", "IN", "IS", "NULL", "LIKE", "BETWEEN", "EXISTS"),
        *("CASE", "WHEN", "THEN", "ELSE", "END"),
        *("GROUP", "BY", "HAVING", "ORDER", "ASC", "DESC"),
    )
)
_SECTIONS = frozenset(("FROM", "WHERE", "GROUP", "HAVING", "ORDER"))
_LIST_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class Query:
    """A query for SQLite, and the one that counts its rows."""

    sql: str
    count: str


def compile_query(text: str) -> Query:
    """Raises the problem that NetSuite would answer."""
    return _Compiler(_tokens(text)).compile()


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    place, end = 0, len(text.rstrip())
    while place < end:
        match = _TOKEN.match(text, place)
        if match is None:
            raise search_problem("Invalid or unsupported search")
        kind = str(match.lastgroup)
        tokens.append((kind, match.group(kind)))
        place = match.end()
        if tokens[-2:] in ([("sign", "-")] * 2, [("sign", "/"), ("sign", "*")]):
            raise search_problem("Invalid or unsupported search")
    return tokens


@dataclass
class _Compiler:
    tokens: list[tuple[str, str]]
    place: int = 0
    sections: list[str] = field(default_factory=lambda: [""])
    """The clause being read, of the query and of each bracket within it."""
    parts: list[str] = field(default_factory=list[str])
    marks: dict[str, int] = field(default_factory=dict[str, int])

    def compile(self) -> Query:
        if self._word(0) != "SELECT":
            raise search_problem("Invalid or unsupported search")
        while self.place < len(self.tokens):
            kind, text = self.tokens[self.place]
            if kind == "word":
                self._on_word(text)
            else:
                self._on_other(kind, text)
        if "FROM" not in self.marks or len(self.sections) != 1:
            raise search_problem("Invalid or unsupported search")
        sql = " ".join(self.parts)
        if "GROUP" in self.marks or "DISTINCT" in self.parts:
            return Query(sql, f"SELECT count(*) FROM ({sql})")
        counted = self.parts[self.marks["FROM"] : self.marks.get("ORDER")]
        return Query(sql, " ".join(["SELECT count(*)", *counted]))

    def _word(self, ahead: int) -> str | None:
        """The word at a distance, in upper case; None where something else is."""
        if self.place + ahead >= len(self.tokens):
            return None
        kind, text = self.tokens[self.place + ahead]
        return text.upper() if kind == "word" else None

    def _sign(self, ahead: int) -> str | None:
        if self.place + ahead >= len(self.tokens):
            return None
        kind, text = self.tokens[self.place + ahead]
        return text if kind == "sign" else None

    def _on_other(self, kind: str, text: str) -> None:
        if text == "(":
            self.sections.append("")
        elif text == ")":
            self.sections.pop()
        elif text == "," and self.sections[-1] == "FROM":
            raise search_problem("Invalid or unsupported search")
        if not self.sections:
            raise search_problem("Invalid or unsupported search")
        self.parts.append(text)
        self.place += 1

    def _on_word(self, text: str) -> None:
        word = text.upper()
        if word == "BUILTIN" and self._sign(1) == ".":
            self._builtin()
        elif word in _KEYWORDS:
            self._keyword(word)
        elif self._sign(1) == "(":
            if word not in FUNCTIONS:
                raise search_problem(f"Function '{text}' was not found.")
            self.parts.append(FUNCTIONS[word])
            self.place += 1
        elif self._sign(1) == "." and self._word(2) is not None:
            self._column(self.tokens[self.place + 2][1], f"[{text.lower()}].")
            self.place += 3
        else:
            # An alias names a result column and stays as it is; anything else is a column.
            after_as = self.parts[-1] == "AS"
            self.parts.append(f"[{text.lower()}]") if after_as else self._column(text, "")
            self.place += 1

    def _column(self, name: str, prefix: str) -> None:
        column = name.lower()
        if column in HIDDEN:
            raise unknown_identifier(column)
        sql = f"{prefix}[{column}]"
        # Amounts are stored as text, which SQLite would compare letter by letter.
        self.parts.append(f"CAST({sql} AS REAL)" if column in DECIMALS and "WHERE" in self.sections else sql)

    def _keyword(self, word: str) -> None:
        if word in _SECTIONS:
            self.sections[-1] = word
            if len(self.sections) == 1:
                self.marks.setdefault(word, len(self.parts))
        self.parts.append(word)
        self.place += 1
        if word in ("FROM", "JOIN"):
            self._table()
        elif word == "IN" and self._sign(0) == "(" and self._word(1) != "SELECT":
            self._check_list()

    def _table(self) -> None:
        name = self._word(0)
        if name is None:
            raise search_problem("Invalid or unsupported search")
        table = name.lower()
        if table not in TABLES:
            raise search_problem(f"Record '{self.tokens[self.place][1]}' was not found.")
        self.place += 1
        if self._word(0) == "AS":
            self.place += 1
        alias = self._word(0)
        if alias is None or alias in _KEYWORDS:
            alias = table
        else:
            self.place += 1
        self.parts.append(f"netsuite_{table} AS [{alias.lower()}]")

    def _check_list(self) -> None:
        members, ahead = 1, 1
        while (sign := self._sign(ahead)) != ")":
            if self.place + ahead >= len(self.tokens):
                raise search_problem("Invalid or unsupported search")
            members += sign == ","
            ahead += 1
        if members > _LIST_LIMIT:
            raise search_problem("maximum number of expressions in a list is 1000")

    def _builtin(self) -> None:
        if self._word(2) != "CF" or self._sign(3) != "(":
            raise search_problem("Invalid or unsupported search")
        self.place += 4
        prefix = ""
        if self._sign(1) == ".":
            prefix = f"[{self.tokens[self.place][1].lower()}]."
            self.place += 2
        if self._word(0) != "STATUS" or self._sign(1) != ")":
            raise search_problem("Invalid or unsupported search")
        self.parts.append(f"{prefix}[status_cf]")
        self.place += 2


def unknown_identifier(name: str) -> Exception:
    return search_problem(f"Unknown identifier '{name}'.")
