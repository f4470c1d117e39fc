"""The objects of the emulated org: columns, parents, children. One table each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from adapters.salesforce.emulator.errors import ApiError


class Kind(Enum):
    """Field types, as describe names them."""

    ID = "id"
    REFERENCE = "reference"
    STRING = "string"
    TEXTAREA = "textarea"
    PICKLIST = "picklist"
    PHONE = "phone"
    EMAIL = "email"
    URL = "url"
    DATE = "date"
    DATETIME = "datetime"
    BOOLEAN = "boolean"
    INT = "int"


SQL_TYPES: Mapping[Kind, str] = {
    Kind.ID: "TEXT",
    Kind.REFERENCE: "TEXT",
    Kind.DATE: "TEXT",
    Kind.DATETIME: "TEXT",
    Kind.BOOLEAN: "INTEGER",
    Kind.INT: "INTEGER",
}
"""Storage; any other kind is text compared without regard to case, as Salesforce does."""


_HINT = "Custom names end in '__c', custom relationships in '__r'; describe lists them all."


@dataclass(frozen=True, slots=True)
class Column:
    """A field.

    parent:    the relationship name and the object it leads to.
    length:    most characters of a text; 0 for what is none.
    values:    of a restricted picklist; empty for a picklist that takes any value.
    read_only: set by the platform alone.
    """

    name: str
    kind: Kind = Kind.STRING
    parent: tuple[str, str] | None = None
    required: bool = False
    external_id: bool = False
    length: int = 0
    values: tuple[str, ...] = ()
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Entity:
    """An object.

    children: relationship name -> (object, the reference field of the child).
    writable: whether the run-as user may change records; it may read all of them.
    """

    name: str
    prefix: str
    columns: tuple[Column, ...]
    children: Mapping[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    indexes: tuple[str, ...] = ()
    writable: bool = False

    @property
    def table(self) -> str:
        return f"salesforce_{self.name.lower()}"

    def column(self, name: str) -> Column:
        """The column by its name in any case. Raises INVALID_FIELD, as the vendor words it."""
        for column in self.columns:
            if column.name.lower() == name.lower():
                return column
        raise ApiError(
            400,
            "INVALID_FIELD",
            f"No such column '{name}' on entity '{self.name}'. {_HINT}",
        )

    def parent(self, relationship: str) -> tuple[Column, str]:
        """The reference column of a parent relationship, and the parent object."""
        for column in self.columns:
            if column.parent is not None and column.parent[0].lower() == relationship.lower():
                return column, column.parent[1]
        raise ApiError(
            400,
            "INVALID_FIELD",
            f"Didn't understand relationship '{relationship}' in field path. {_HINT}",
        )

    def ddl(self) -> list[str]:
        columns = ", ".join(
            f'"{column.name}" {SQL_TYPES.get(column.kind, "TEXT COLLATE NOCASE")}'
            + (" PRIMARY KEY" if column.kind is Kind.ID else "")
            for column in self.columns
        )
        return [
            f"CREATE TABLE IF NOT EXISTS {self.table} ({columns}) WITHOUT ROWID",
            *(
                f'CREATE INDEX IF NOT EXISTS {self.table}_{name.lower()} ON {self.table} ("{name}", "Id")'
                for name in self.indexes
            ),
        ]


_ID = Column("Id", Kind.ID, required=True, read_only=True)
_AUDIT = (
    Column("CreatedDate", Kind.DATETIME, required=True, read_only=True),
    Column("LastModifiedDate", Kind.DATETIME, required=True, read_only=True),
    Column("SystemModstamp", Kind.DATETIME, required=True, read_only=True),
)

STATUSES = (
    "Prospect",
    "Active",
    "Suspended",
    "On Hold",
    "Churned",
    "Former Customer",
    "Under Review",
)
"""Values of the status picklist."""
SEGMENTS = ("SMB", "Mid-Market", "Enterprise")

OBJECTS: Mapping[str, Entity] = {
    entity.name.lower(): entity
    for entity in (
        Entity(
            "Account",
            "001",
            (
                _ID,
                Column("Name", required=True, length=255),
                Column("OwnerId", Kind.REFERENCE, parent=("Owner", "User"), required=True),
                Column("Customer_Status__c", Kind.PICKLIST, length=255, values=STATUSES),
                Column("Segment__c", Kind.PICKLIST, length=255, values=SEGMENTS),
                Column("Industry", Kind.PICKLIST, length=255),
                Column("Website", Kind.URL, length=255),
                Column("Phone", Kind.PHONE, length=40),
                Column("Email__c", Kind.EMAIL, length=80),
                Column("ShippingStreet", Kind.TEXTAREA, length=255),
                Column("ShippingCity", length=40),
                Column("ShippingState", length=80),
                Column("ShippingPostalCode", length=20),
                Column("ShippingCountry", length=80),
                Column("ShippingCountryCode", Kind.PICKLIST, length=10),
                Column("Chargebee_Customer_Id__c", external_id=True, length=255),
                Column("Stripe_Customer_Id__c", external_id=True, length=255),
                Column("Fieldgate_Command__c", length=255),
                *_AUDIT,
            ),
            children={"Contacts": ("Contact", "AccountId"), "Contracts": ("Contract", "AccountId")},
            indexes=(
                "Name",
                "SystemModstamp",
                "Email__c",
                "Chargebee_Customer_Id__c",
                "Stripe_Customer_Id__c",
            ),
            writable=True,
        ),
        Entity(
            "Contact",
            "003",
            (
                _ID,
                Column("AccountId", Kind.REFERENCE, parent=("Account", "Account")),
                Column("FirstName"),
                Column("LastName", required=True),
                Column("Name", required=True),
                Column("Email", Kind.EMAIL),
                Column("Phone", Kind.PHONE),
                Column("Title"),
                *_AUDIT,
            ),
            indexes=("AccountId", "SystemModstamp"),
        ),
        Entity(
            "Contract",
            "800",
            (
                _ID,
                Column("AccountId", Kind.REFERENCE, parent=("Account", "Account"), required=True),
                Column("ContractNumber", required=True),
                Column("Status", Kind.PICKLIST, required=True),
                Column("StartDate", Kind.DATE),
                Column("EndDate", Kind.DATE),
                Column("ContractTerm", Kind.INT),
                Column("CustomerSignedDate", Kind.DATE),
                Column("Auto_Renew__c", Kind.BOOLEAN, required=True),
                Column("Chargebee_Subscription_Id__c", external_id=True),
                *_AUDIT,
            ),
            indexes=("AccountId", "Chargebee_Subscription_Id__c", "SystemModstamp"),
        ),
        Entity(
            "User",
            "005",
            (
                _ID,
                Column("Username", required=True),
                Column("Name", required=True),
                Column("Email", Kind.EMAIL, required=True),
                Column("Phone", Kind.PHONE),
                Column("Title"),
                Column("IsActive", Kind.BOOLEAN, required=True),
                *_AUDIT,
            ),
        ),
    )
}


def entity_named(name: str) -> Entity:
    """An object by its name in any case. Raises INVALID_TYPE."""
    found = OBJECTS.get(name.lower())
    if found is None:
        raise ApiError(
            400,
            "INVALID_TYPE",
            f"sObject type '{name}' is not supported. {_HINT}",
        )
    return found
