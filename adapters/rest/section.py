"""What is said of one kind of record: where it is listed, how it is found, what its fields are called."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from adapters.rest.conversion import Form
from adapters.rest.path import PATH

DottedPath = Annotated[str, Field(pattern=rf"^{PATH.pattern}$")]
Parameter = Annotated[str, Field(min_length=1, max_length=100, description="Name of a query parameter.")]
UrlPath = Annotated[str, Field(pattern=r"^/[^?#\s]*$", description="Path below the base URL.")]


def short(key: str) -> BeforeValidator:
    """A text stands for a mapping with that text alone."""
    return BeforeValidator(lambda raw: {key: raw} if isinstance(raw, str) else raw)


class Section(BaseModel):
    """A part of the settings. An unknown key is refused, and no input is repeated in a message."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class More(Section):
    """What in an answer says that more rows follow."""

    total: DottedPath | None = Field(
        default=None, description="Path of the number of rows of the whole list."
    )
    flag: DottedPath | None = Field(
        default=None,
        description="Path of what is there, and neither false nor empty, only while more follow.",
    )

    @model_validator(mode="after")
    def _one_sign(self) -> More:
        if (self.total is None) == (self.flag is None):
            raise ValueError("needs either total or flag")
        return self


class NoPaging(Section):
    """The whole list comes in one answer."""

    style: Literal["none"] = "none"


class _Paged(Section):
    limit: Parameter = Field(description="Parameter with the number of rows wanted.")
    max: int = Field(default=100, ge=2, le=100_000, description="Most rows that the system gives in a page.")


class OffsetPaging(_Paged):
    """A number of rows to leave out. A row that is inserted meanwhile is seen by nobody or twice."""

    style: Literal["offset"]
    offset: Parameter = Field(description="Parameter with the number of rows to leave out.")
    more: Literal["one_extra", "until_empty"] | More = Field(
        description="What tells that more follow: one row more than needed is asked for; pages are asked for "
        "until one is empty; or a sign in the answer."
    )


class NumberPaging(_Paged):
    """A page number. ``max`` must be right: a page that is cut shorter would shift the others."""

    style: Literal["number"]
    number: Parameter = Field(description="Parameter with the number of the page.")
    first_number: Literal[0, 1] = Field(default=1, description="The number of the first page.")
    more: Literal["until_empty"] | More = Field(description="What tells that more follow.")


class CursorPaging(_Paged):
    """A token for the next page in each answer."""

    style: Literal["cursor"]
    cursor: Parameter = Field(description="Parameter with the token.")
    next: DottedPath = Field(description="Path of the next page's token; absent, null or empty at the end.")


class KeysetPaging(_Paged):
    """The list continues behind a record id: the only style whose places hold whatever is inserted."""

    style: Literal["keyset"]
    after: Parameter = Field(description="Parameter with the id of the last row that is known.")
    more: Literal["one_extra", "until_empty"] | More = Field(description="What tells that more follow.")

    @field_validator("more")
    @classmethod
    def _no_total(cls, more: Any) -> Any:
        if isinstance(more, More) and more.total is not None:
            raise ValueError("a total does not say how many rows are left behind an id; use flag")
        return more


Paging = Annotated[
    NoPaging | OffsetPaging | NumberPaging | CursorPaging | KeysetPaging, Field(discriminator="style")
]


class OneOf(Section):
    """A parameter that takes one or several values."""

    param: Parameter
    join: str | None = Field(
        default=",", max_length=3, description="Between several values; null repeats the parameter."
    )
    max: int = Field(default=100, ge=1, le=10_000, description="Most values in one request.")


class KeyForm(OneOf):
    """A parameter that finds rows by ids."""

    paged: bool = Field(
        default=False, description="Whether the answer comes in pages too; else it is whole in one answer."
    )
    pattern: str | None = Field(
        default=None, description="Regular expression of a possible value; others are not asked for."
    )

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        try:
            re.compile(pattern or "")
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from None
        return pattern


class Bound(Section):
    """A parameter with a day or a time. It must mean exactly what the filter says."""

    param: Parameter
    form: Form = Field(default="iso", description="How the day or time is written.")


class Words(Section):
    """A parameter with words to look for."""

    param: Parameter


class FilterForm(Section):
    """What one canonical field can be filtered by, in the system itself."""

    in_: Annotated[OneOf, short("param")] | None = Field(
        default=None,
        alias="in",
        description="One of several values. A legal entity is asked for by its code, an account manager by "
        "the e-mail address, whatever its case: for callers who are limited to these. Give the first only "
        "where every record has one.",
    )
    before: Annotated[Bound, short("param")] | None = Field(
        default=None, description="Strictly before the value."
    )
    since: Annotated[Bound, short("param")] | None = Field(default=None, description="At or after the value.")
    search: Annotated[Words, short("param")] | None = None


class OrderForm(Section):
    """An order that the system can give its list in."""

    field: str = Field(description="Canonical field.")
    descending: bool = False
    param: Parameter
    value: str


class ItemForm(Section):
    """Where a single record is read, for a system that cannot read several by id."""

    path: Annotated[str, Field(pattern=r"^/[^?#\s]*\{id\}[^?#\s]*$", description="Path with {id} in it.")]
    row: DottedPath | None = Field(default=None, description="Path of the record in the answer.")


class ProjectionForm(Section):
    """A parameter that names the fields wanted."""

    param: Parameter
    join: str = Field(default=",", max_length=3)
    nested: bool = Field(
        default=False, description="Whether dotted paths are understood; else their first names are sent."
    )


class ResourceForm(Section):
    """One kind of record."""

    path: UrlPath
    listed: bool = Field(
        default=True, description="Whether the path gives a list of all; else rows are found by keys only."
    )
    rows: DottedPath | None = Field(
        default=None, description="Path of the array of rows in an answer; without it, the answer itself."
    )
    params: dict[str, str] = Field(
        default_factory=dict[str, str], description="Parameters that go with every request of the list."
    )
    paging: Paging = NoPaging()
    ids: Annotated[KeyForm, short("param")] | None = Field(
        default=None, description="Parameter that reads several records by id."
    )
    item: Annotated[ItemForm, short("path")] | None = None
    keys: dict[str, Annotated[KeyForm, short("param")]] = Field(
        default_factory=dict[str, KeyForm],
        description="Links, and other texts that identify, by which rows are found.",
    )
    fields: dict[str, Any] = Field(description="Canonical fields, and where they are in a row.")
    filters: dict[str, FilterForm] = Field(default_factory=dict[str, FilterForm])
    orders: tuple[OrderForm, ...] = ()
    projection: ProjectionForm | None = None
    link: str | None = Field(
        default=None,
        pattern=r"^https?://\S*\{id\}\S*$",
        description="Address of a record in the system's own user interface, with {id} in it.",
    )

    @field_validator("item")
    @classmethod
    def _one_way(cls, item: ItemForm | None, info: ValidationInfo) -> ItemForm | None:
        if item is not None and info.data.get("ids") is not None:
            raise ValueError("ids reads one record as well as many; leave item out")
        return item
