"""What describe says of an object, as far as clients read it.

https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_sobject_describe.htm
"""

from __future__ import annotations

from typing import Any

from adapters.salesforce.emulator.objects import OBJECTS, Column, Entity, Kind


def summary(entity: Entity, root: str) -> dict[str, Any]:
    """The object's line in the list of objects."""
    url = f"{root}/sobjects/{entity.name}"
    return {
        "name": entity.name,
        "label": entity.name,
        "labelPlural": f"{entity.name}s",
        "keyPrefix": entity.prefix,
        "custom": False,
        "createable": entity.writable,
        "updateable": entity.writable,
        "deletable": entity.writable,
        "queryable": True,
        "retrieveable": True,
        "searchable": True,
        "urls": {"sobject": url, "describe": f"{url}/describe", "rowTemplate": f"{url}/{{ID}}"},
    }


def description(entity: Entity, root: str) -> dict[str, Any]:
    """The full description, with fields and child relationships."""
    return {
        **summary(entity, root),
        "fields": [_field(entity, column) for column in entity.columns],
        "childRelationships": [
            {"relationshipName": name, "childSObject": child, "field": key, "cascadeDelete": True}
            for name, (child, key) in entity.children.items()
        ],
        "recordTypeInfos": [],
    }


def listing(root: str) -> dict[str, Any]:
    """Every object."""
    return {
        "encoding": "UTF-8",
        "maxBatchSize": 200,
        "sobjects": [summary(entity, root) for entity in OBJECTS.values()],
    }


def _field(entity: Entity, column: Column) -> dict[str, Any]:
    is_writable = entity.writable and not column.read_only
    return {
        "name": column.name,
        "label": column.name.removesuffix("__c").replace("_", " "),
        "type": column.kind.value,
        "length": column.length,
        "restrictedPicklist": bool(column.values),
        "picklistValues": [{"value": value, "label": value, "active": True} for value in column.values],
        "custom": column.name.endswith("__c"),
        "nillable": not column.required,
        "externalId": column.external_id,
        "idLookup": column.external_id or column.kind is Kind.ID,
        "unique": column.external_id,
        "caseSensitive": False,
        "filterable": column.kind is not Kind.TEXTAREA,
        "sortable": column.kind is not Kind.TEXTAREA,
        "nameField": column.name == "Name",
        "createable": is_writable,
        "updateable": is_writable,
        "relationshipName": column.parent[0] if column.parent else None,
        "referenceTo": [column.parent[1]] if column.parent else [],
    }
