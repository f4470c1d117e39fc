"""The documents say what the code does: codes, settings, vendors, commands, options, links."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import pytest
from graphql import EnumTypeDefinitionNode, parse
from typer.main import get_command

from adapters import registry
from adapters.emulation.faults import Kind
from gateway.cli import app
from gateway.connect import connect, ownership_of
from gateway.settings import load_config
from gateway.settings_docs import with_tables
from resolvers.errors import Code

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
DOCUMENTS = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]


def rows(document: str, heading: str) -> dict[str, list[str]]:
    """The table under a heading: cells by what stands in backquotes in the first one."""
    (section,) = re.findall(
        rf"^##+ {re.escape(heading)}\n(.*?)(?=^## |\Z)", document, re.MULTILINE | re.DOTALL
    )
    found: dict[str, list[str]] = {}
    for line in section.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if cells and (name := re.match(r"`([^`]+)`", cells[0])):
            found[name[1]] = cells
    return found


def commands() -> dict[str, Any]:
    """Every command of the command line by its full name."""
    found: dict[str, Any] = {}

    def walk(command: Any, name: str) -> None:
        if not hasattr(command, "list_commands"):
            found[name] = command
            return
        for each in command.list_commands(None):
            walk(command.get_command(None, each), f"{name} {each}")

    walk(get_command(app), "fieldgate")
    return found


# Errors


def test_every_code_is_explained_and_no_other() -> None:
    table = rows((DOCS / "errors.md").read_text(), "Codes")
    assert list(table) == [code.value for code in Code]
    assert all(len(cells) == 3 and len(cells[1]) > 20 for cells in table.values())
    assert all(re.match(r"(yes|no)\b", cells[2]) for cells in table.values())


def test_every_user_error_is_explained_and_no_other() -> None:
    (enum,) = (
        definition
        for definition in parse((DOCS / "schema.graphql").read_text()).definitions
        if isinstance(definition, EnumTypeDefinitionNode) and definition.name.value == "UserErrorCode"
    )
    table = rows((DOCS / "errors.md").read_text(), "User errors of mutations")
    assert list(table) == [value.name.value for value in enum.values or ()]


# Configuration


def test_the_tables_of_settings_are_those_of_the_code() -> None:
    text = (DOCS / "configuration.md").read_text()
    assert with_tables(text) == text, "python -m gateway.settings_docs writes them anew"


@pytest.mark.parametrize("vendor", registry.ADAPTERS)
def test_every_setting_of_every_vendor_is_explained(vendor: str) -> None:
    manifest = registry.manifest(vendor)
    table = rows((DOCS / "configuration.md").read_text(), f"Adapter `{vendor}`: {manifest.title}")
    for name, field in manifest.settings.model_fields.items():
        assert name in table
        assert field.description, f"{vendor}.{name} has no description"


def test_every_vendor_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    for vendor in registry.ADAPTERS:
        assert f"`{vendor}`" in readme


def example_configurations() -> list[tuple[str, str]]:
    """Each YAML block that connects something, with its document."""
    return [
        (document.name, block)
        for document in DOCUMENTS
        for block in re.findall(r"^```yaml\n(.*?)^```", document.read_text(), re.MULTILINE | re.DOTALL)
        if re.search(r"^connections:", block, re.MULTILINE)
    ]


def test_the_documents_show_configurations() -> None:
    assert {"README.md", "configuration.md", "adding-an-adapter.md"} <= {
        document for document, _ in example_configurations()
    }


@pytest.mark.parametrize(("document", "text"), example_configurations(), ids=lambda text: text[:20].strip())
def test_the_configurations_shown_hold_together(document: str, text: str, tmp_path: Path) -> None:
    """They load as they stand, and every owner that they name can supply its field."""
    file = tmp_path / "fieldgate.yaml"
    file.write_text(text)
    environ = dict.fromkeys(re.findall(r"\$\{([A-Z_]+)", text), "of-the-environment")
    config = load_config(file, environ)
    assert config.connections, document
    ownership = ownership_of(config, connect(config))
    moved = dict(config.ownership)
    assert {entry.key: entry.system for entry in ownership if entry.key in moved} == moved


# The command line


def test_every_command_and_option_is_explained_and_no_other() -> None:
    text = (DOCS / "cli.md").read_text()
    assert set(re.findall(r"^## `(.+)`$", text, re.MULTILINE)) == set(commands())
    for name, command in commands().items():
        options = {parameter.opts[0] for parameter in command.params if parameter.name != "help"}
        assert set(rows(text, f"`{name}`")) == options, name


def test_every_kind_of_fault_is_named() -> None:
    text = (DOCS / "cli.md").read_text()
    assert all(f"`{kind}`" in text for kind in get_args(Kind))


def shown() -> list[tuple[str, str]]:
    """Each line of a shell block that runs something of ours, with its document."""
    return [
        (document.name, line.partition(" #")[0].strip())
        for document in DOCUMENTS
        for block in re.findall(r"^```(?:sh|bash|console)\n(.*?)^```", document.read_text(), re.M | re.S)
        for line in block.splitlines()
        if re.match(r"(\$ )?((\S*/)?fieldgate|make)\b", line)
    ]


@pytest.mark.parametrize(("document", "line"), shown())
def test_the_commands_shown_exist(document: str, line: str) -> None:
    words = line.removeprefix("$ ").split()
    if words[0] == "make":
        targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert [word for word in words[1:] if "=" not in word and word not in targets] == [], document
        return
    given = " ".join(["fieldgate", *words[1:]])
    name = max((each for each in commands() if f"{given} ".startswith(f"{each} ")), key=len, default=None)
    assert name is not None, f"{document}: there is no {line!r}"
    command = commands()[name]
    known = {option for parameter in command.params for option in parameter.opts}
    used = {word.partition("=")[0] for word in words if word.startswith("-")}
    assert used <= known, document


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    text = re.sub(r"^```.*?^```", "", document.read_text(), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if "://" not in target:
            assert (document.parent / target).exists(), f"{document.name}: {target}"
    anchors = set(re.findall(r'<a id="([^"]+)">', text))
    for anchor in re.findall(r"\]\(#([^)]+)\)", text):
        headings = {re.sub(r"[^a-z0-9 -]", "", each.lower()).replace(" ", "-") for each in headings_of(text)}
        assert anchor in anchors | headings, f"{document.name}: #{anchor}"


def headings_of(text: str) -> list[str]:
    return re.findall(r"^#+ (.+)$", text, re.MULTILINE)
