"""The JSON Schema of the configuration file, so that editors complete and check it.

``python -m gateway.settings_schema`` writes it anew; a test compares it with the checked-in file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from adapters import registry
from gateway.settings import ConfigForm

SCHEMA_FILE = Path(__file__).parent.parent / "docs" / "fieldgate.schema.json"

_REFERENCE = {
    "type": "string",
    "pattern": r"\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}",
    "description": "A value from the environment: ${NAME} or ${NAME:-default}.",
}
_SCALARS = ("string", "integer", "number", "boolean")
_CHECKS = ("format", "pattern", "enum", "minLength", "maxLength", "const")


def config_schema() -> dict[str, Any]:
    """The schema, with the settings of every registered adapter chosen by the ``adapter`` key."""
    schema = ConfigForm.model_json_schema(ref_template="#/$defs/{model}")
    definitions: dict[str, Any] = schema.pop("$defs")
    connection = definitions["ConnectionForm"]
    connection["properties"]["adapter"]["enum"] = list(registry.ADAPTERS)
    choices: list[dict[str, Any]] = []
    for name in registry.ADAPTERS:
        manifest = registry.manifest(name)
        settings = manifest.settings.model_json_schema(ref_template=f"#/$defs/{name}.{{model}}")
        for model, definition in settings.pop("$defs", {}).items():
            definitions[f"{name}.{model}"] = definition
        definitions[f"{name}.settings"] = settings
        then = {
            "properties": {
                "system": {"enum": sorted(system.value for system in manifest.systems)},
                "settings": {"$ref": f"#/$defs/{name}.settings"},
            },
            "required": ["settings"],
        }
        choices.append(
            {"if": {"properties": {"adapter": {"const": name}}, "required": ["adapter"]}, "then": then}
        )
    loose = _with_references({**schema, "$defs": definitions})
    loose["$defs"]["ConnectionForm"]["allOf"] = [
        {**choice, "then": _with_references(choice["then"])} for choice in choices
    ]
    loose["$defs"]["Reference"] = _REFERENCE
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **loose,
        "title": "Fieldgate configuration",
    }


def write_schema(path: Path = SCHEMA_FILE) -> None:
    """Writes the schema where editors and the documentation find it."""
    path.write_text(json.dumps(config_schema(), indent=2) + "\n", encoding="utf-8")


def _with_references(schema: Any) -> Any:
    """The same schema, where every scalar that is checked for more than being text may be a reference too."""
    if isinstance(schema, list):
        return [_with_references(part) for part in cast(list[Any], schema)]
    if not isinstance(schema, dict):
        return schema
    node = cast(dict[str, Any], schema)
    checked = node.get("type") in _SCALARS[1:] or any(
        isinstance(node.get(key), str | list | int) for key in _CHECKS
    )
    if checked and node.get("type", "string") in _SCALARS:
        notes = {key: node[key] for key in ("title", "description", "default") if key in node}
        check = {key: value for key, value in node.items() if key not in notes}
        return {**notes, "anyOf": [check, {"$ref": "#/$defs/Reference"}]}
    return {key: _with_references(value) for key, value in node.items()}


if __name__ == "__main__":
    write_schema()
