"""A parser for the part of SOQL that integrations read with: text to a small syntax tree.

Grammar: https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select.htm
What is not understood is MALFORMED_QUERY, never ignored.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from adapters.salesforce.emulator.errors import ApiError, malformed

LONGEST = 100_000
HIGHEST_OFFSET = 2_000


@dataclass(frozen=True, slots=True)
class Literal:
    """A value as written. ``kind`` is string, datetime, date, number, boolean or null.

    ``pattern`` is the value as a LIKE pattern for SQL, with ``\\`` as its escape; ``like_only`` marks an
    escape that is allowed in LIKE alone.
    """

    kind: str
    value: str
    pattern: str = ""
    like_only: bool = False


@dataclass(frozen=True, slots=True)
class Comparison:
    """``path op values``; ``op`` is in lower case (``=``, ``like``, ``not in``). IN has many values."""

    path: str
    op: str
    values: tuple[Literal, ...]


@dataclass(frozen=True, slots=True)
class Logic:
    """AND, OR or NOT over conditions."""

    op: str
    parts: tuple[Condition, ...]


Condition = Comparison | Logic


@dataclass(frozen=True, slots=True)
class Sort:
    path: str
    descending: bool
    nulls_last: bool


@dataclass(frozen=True, slots=True)
class Query:
    """``select`` holds field paths and child subqueries in the order written; empty for COUNT()."""

    select: tuple[str | Query, ...]
    source: str
    where: Condition | None
    order_by: tuple[Sort, ...]
    limit: int | None
    offset: int
    count: bool


_TOKEN = re.compile(
    r"""\s*(?:
      (?P<string>'(?:[^'\\]|\\.)*')
    | (?P<datetime>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))
    | (?P<date>\d{4}-\d\d-\d\d)
    | (?P<number>[+-]?\d+(?:\.\d+)?)
    | (?P<name>[A-Za-z]\w*(?:\.[A-Za-z]\w*)*)
    | (?P<mark>!=|<>|<=|>=|[=<>(),])
    )""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\"}
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_UNSUPPORTED = ("group", "having", "with", "for", "using", "typeof", "scope")


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str

    @property
    def word(self) -> str:
        return self.text.lower() if self.kind in ("name", "mark") else ""


def parse(soql: str) -> Query:
    """The tree of a query. Raises MALFORMED_QUERY."""
    if len(soql) > LONGEST:
        raise malformed("SOQL statements cannot be longer than 100000 characters.")
    parser = _Parser(_tokens(soql))
    query = parser.query()
    if parser.ahead.kind != "end":
        raise malformed(f"unexpected token: '{parser.ahead.text}'")
    return query


def _tokens(soql: str) -> list[_Token]:
    tokens: list[_Token] = []
    place, end = 0, len(soql.rstrip())
    while place < end:
        match = _TOKEN.match(soql, place)
        if match is None:
            raise malformed(
                f"line 1:{place} no viable alternative at character '{soql[place:].lstrip()[:1]}'"
            )
        tokens.append(_Token(str(match.lastgroup), match.group(str(match.lastgroup))))
        place = match.end()
    return [*tokens, _Token("end", "<EOF>")]


class _Parser:
    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._place = 0

    @property
    def ahead(self) -> _Token:
        return self._tokens[self._place]

    def _take(self, *words: str) -> bool:
        """Takes these words if all of them are next."""
        following = self._tokens[self._place : self._place + len(words)]
        if [token.word for token in following] != list(words):
            return False
        self._place += len(words)
        return True

    def _need(self, word: str) -> None:
        if not self._take(word):
            raise malformed(f"unexpected token: '{self.ahead.text}' (expecting {word})")

    def _next(self, kind: str) -> str:
        if self.ahead.kind != kind:
            raise malformed(f"unexpected token: '{self.ahead.text}'")
        self._place += 1
        return self._tokens[self._place - 1].text

    def query(self, *, is_child: bool = False) -> Query:
        self._need("select")
        select, count = self._select(is_child)
        self._need("from")
        source = self._next("name")
        where = self._logic() if self._take("where") else None
        order_by = self._order_by() if self._take("order", "by") else ()
        limit = int(self._next("number")) if self._take("limit") else None
        offset = int(self._next("number")) if self._take("offset") else 0
        if self.ahead.word in _UNSUPPORTED:
            raise malformed(f"{self.ahead.text} is not supported by this org")
        if offset > HIGHEST_OFFSET:
            raise ApiError(400, "NUMBER_OUTSIDE_VALID_RANGE", "Maximum SOQL offset allowed is 2000")
        return Query(select, source, where, order_by, limit, offset, count)

    def _select(self, is_child: bool) -> tuple[tuple[str | Query, ...], bool]:
        if self._take("count", "(", ")"):
            return (), True
        items: list[str | Query] = []
        while True:
            if not is_child and self._take("("):
                items.append(self.query(is_child=True))
                self._need(")")
            else:
                items.append(self._next("name"))
            if not self._take(","):
                break
        names = [item.lower() for item in items if isinstance(item, str)]
        if repeated := next((name for name in names if names.count(name) > 1), None):
            raise malformed(f"duplicate field selected: {repeated}")
        return tuple(items), False

    def _logic(self) -> Condition:
        """Units joined by AND, or by OR; a mixture needs parentheses."""
        parts = [self._unit()]
        word = self.ahead.word
        if word not in ("and", "or"):
            return parts[0]
        while self._take(word):
            parts.append(self._unit())
        if self.ahead.word in ("and", "or"):
            raise malformed(f"unexpected token: '{self.ahead.text}' (mixed AND and OR need parentheses)")
        return Logic(word, tuple(parts))

    def _unit(self) -> Condition:
        if self._take("not"):
            return Logic("not", (self._unit(),))
        if self._take("("):
            inner = self._logic()
            self._need(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Comparison:
        path = self._next("name")
        if self._take("not", "in"):
            return Comparison(path, "not in", self._list())
        if self._take("in"):
            return Comparison(path, "in", self._list())
        for op in ("=", "!=", "<>", "<=", ">=", "<", ">", "like"):
            if self._take(op):
                value = self._literal()
                if value.like_only and op != "like":
                    raise malformed("invalid string: an escape that is allowed in LIKE only")
                return Comparison(path, "!=" if op == "<>" else op, (value,))
        raise malformed(f"unexpected token: '{self.ahead.text}'")

    def _list(self) -> tuple[Literal, ...]:
        self._need("(")
        values = [self._literal()]
        while self._take(","):
            values.append(self._literal())
        self._need(")")
        if any(value.like_only for value in values):
            raise malformed("invalid string: an escape that is allowed in LIKE only")
        return tuple(values)

    def _literal(self) -> Literal:
        token = self.ahead
        self._place += 1
        if token.kind == "string":
            return _string(token.text[1:-1])
        if token.kind in ("datetime", "date", "number"):
            return Literal(token.kind, token.text)
        if token.word in ("true", "false"):
            return Literal("boolean", token.word)
        if token.word == "null":
            return Literal("null", "")
        self._place -= 1
        raise malformed(f"unexpected token: '{token.text}'")

    def _order_by(self) -> tuple[Sort, ...]:
        sorts: list[Sort] = []
        while True:
            path = self._next("name")
            descending = self._take("desc")
            if not descending:
                self._take("asc")
            nulls_last = self._take("nulls", "last")
            if not nulls_last:
                # Nulls come first unless told otherwise, in both directions.
                self._take("nulls", "first")
            sorts.append(Sort(path, descending, nulls_last))
            if not self._take(","):
                return tuple(sorts)


def _string(body: str) -> Literal:
    """A string's value and its LIKE pattern, in one reading of its escapes."""
    value: list[str] = []
    pattern: list[str] = []
    like_only = False
    place = 0
    while place < len(body):
        char = body[place]
        if char != "\\":
            value.append(char)
            pattern.append(char)
            place += 1
            continue
        match = _ESCAPE.match(body, place)
        code = match.group(1) if match else ""
        if code in ("%", "_"):
            plain, like_only = code, True
        elif len(code) == 5:
            plain = chr(int(code[1:], 16))
        elif code.lower() in _ESCAPES:
            plain = _ESCAPES[code.lower()]
        else:
            raise malformed("invalid string: illegal escape sequence")
        value.append(plain)
        pattern.append(f"\\{plain}" if plain in "%_\\" else plain)
        place += 1 + len(code)
    return Literal("string", "".join(value), "".join(pattern), like_only)
