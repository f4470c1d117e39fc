"""The tables of ``docs/configuration.md``, made from the settings classes.

``python -m gateway.settings_docs`` writes them anew between the file's markers; a test compares.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel

from adapters import registry
from gateway.settings import ConfigForm

DOCS_FILE = Path(__file__).parent.parent / "docs" / "configuration.md"
BEGIN, END = "<!-- settings: begin -->", "<!-- settings: end -->"

_WORDS = {"string": "text", "boolean": "true or false", "object": "mapping", "array": "list", "null": "null"}
_FORMATS = {"uri": "URL", "password": "secret", "path": "path"}

Schema = Mapping[str, Any]


def settings_tables() -> str:
    """The sections of the file, then the settings of each adapter, as Markdown."""
    parts = ["## Sections", *_tables(ConfigForm, "")]
    for name in registry.ADAPTERS:
        manifest = registry.manifest(name)
        roles = ", ".join(sorted(system.value for system in manifest.systems))
        parts += [f"## Adapter `{name}`: {manifest.title}", f"System: {roles}."]
        parts += _tables(manifest.settings, f"{name}.")
    return "\n\n".join(parts)


def with_tables(text: str) -> str:
    """The document with its tables made anew. Raises ``ValueError`` where a marker is missing."""
    before, after = text.index(BEGIN) + len(BEGIN), text.index(END)
    return f"{text[:before]}\n\n{settings_tables()}\n\n{text[after:]}"


def _tables(model: type[BaseModel], anchor: str) -> list[str]:
    """A table of the model's settings, and one of each kind of mapping that stands in it."""
    schema = model.model_json_schema(ref_template="{model}")
    definitions = schema.pop("$defs", {})
    # The schema leaves out the defaults that are made when needed.
    for name, field in model.model_fields.items():
        if field.default_factory is not None:
            schema["properties"][name]["default"] = field.get_default(call_default_factory=True)
    enums = {name: each for name, each in definitions.items() if "enum" in each}
    schema, definitions = _inlined(schema, enums), _inlined(definitions, enums)
    parts = [_table(schema, anchor)]
    for name, definition in definitions.items():
        if "properties" in definition:
            about = " ".join(definition.get("description", "").split("\n\n")[0].split())
            parts += [
                f'### <a id="{_slug(anchor, name)}"></a>{_title(name)}',
                about,
                _table(definition, anchor),
            ]
    return [part for part in parts if part]


def _inlined(node: Any, enums: Schema) -> Any:
    """The same schema with every reference to an enum replaced by the enum."""
    if isinstance(node, list):
        return [_inlined(each, enums) for each in cast(list[Any], node)]
    if not isinstance(node, dict):
        return node
    entry = cast(dict[str, Any], node)
    enum = enums.get(str(entry.get("$ref")))
    if enum is not None:
        return {**{key: value for key, value in entry.items() if key != "$ref"}, "enum": enum["enum"]}
    return {key: _inlined(value, enums) for key, value in entry.items()}


def _table(schema: Schema, anchor: str) -> str:
    required = schema.get("required", ())
    rows = ["| Setting | Value | Default | Meaning |", "|---|---|---|---|"]
    for name, entry in schema.get("properties", {}).items():
        default = "required" if name in required else _default(entry)
        meaning = " ".join(str(entry.get("description", "")).split())
        rows.append(f"| `{name}` | {_cell(_value(entry, anchor))} | {_cell(default)} | {_cell(meaning)} |")
    return "\n".join(rows)


def _value(entry: Schema, anchor: str) -> str:
    """What may be written for a setting, in words."""
    if "$ref" in entry:
        return f"[{_title(entry['$ref'])}](#{_slug(anchor, entry['$ref'])})"
    for union in ("anyOf", "oneOf", "allOf"):
        if union in entry:
            return " or ".join(dict.fromkeys(_value(each, anchor) for each in entry[union]))
    if "const" in entry:
        return f"`{entry['const']}`"
    if "enum" in entry:
        return ", ".join(f"`{each}`" for each in entry["enum"])
    kind = str(entry.get("type", "anything"))
    word = _FORMATS.get(str(entry.get("format")), _WORDS.get(kind, kind))
    if isinstance(entry.get("items"), dict):
        return f"list of {_value(entry['items'], anchor)}"
    if isinstance(entry.get("additionalProperties"), dict):
        return f"mapping to {_value(entry['additionalProperties'], anchor)}"
    return f"{word}{_bounds(entry)}"


def _bounds(entry: Schema) -> str:
    low = entry.get("minimum", entry.get("exclusiveMinimum"))
    high = entry.get("maximum", entry.get("exclusiveMaximum"))
    words: list[str] = []
    if low is not None:
        words.append(f"{'above' if 'exclusiveMinimum' in entry else 'from'} {low:g}")
    if high is not None:
        words.append(f"to {high:g}")
    return f", {' '.join(words)}" if words else ""


def _default(entry: Schema) -> str:
    default: Any = entry.get("default")
    if default in (None, "", [], {}) or "$ref" in entry:
        return "none" if "$ref" not in entry else ""
    if isinstance(default, Mapping):
        pairs = cast(Mapping[str, Any], default).items()
        return ", ".join(f"`{key}: {getattr(value, 'name', value)}`" for key, value in pairs)
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _title(name: str) -> str:
    words = re.findall(r"[A-Z][a-z]*", name)
    return " ".join(word.lower() for word in words if word not in {"Form", "Settings", "Section"})


def _slug(anchor: str, name: str) -> str:
    return f"{anchor}{name}".lower()


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    DOCS_FILE.write_text(with_tables(DOCS_FILE.read_text(encoding="utf-8")), encoding="utf-8")
