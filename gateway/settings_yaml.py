"""A YAML file with ``${ENV}`` references, read so that every key still knows its line.

``${NAME}`` is replaced by the environment variable, ``${NAME:-text}`` by ``text`` where the variable is
unset or empty; ``$${`` stands for ``${`` itself. A value with a reference in it is always text: the
settings classes turn it into numbers and booleans.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, cast

import yaml

KeyPath = tuple[str | int, ...]
"""Where a value stands: ``("connections", 1, "name")``."""

REFERENCE = re.compile(r"\$\$\{|\$\{(?:(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\})?")


class Misplaced(Exception):
    """The file is no YAML that can be used at all. Positions count from 1."""

    def __init__(self, line: int, column: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.column = column
        self.message = message


class Document:
    """The data of a file, its lines, and what is wrong with its references.

    data:    mappings, lists and scalars, references replaced.
    issues:  by key path, what hinders the value there from being used.
    secrets: what came from the environment; never to be shown.
    """

    def __init__(self, text: str, environ: Mapping[str, str]) -> None:
        self.issues: dict[KeyPath, str] = {}
        self.secrets: set[str] = set()
        self._environ = environ
        self._lines: dict[KeyPath, int] = {(): 1}
        self._open: list[yaml.Node] = []
        fault: Misplaced | None = None
        try:
            # Untyped in part: construct_object takes any node.
            self._loader: Any = yaml.SafeLoader(text)
            root = self._loader.get_single_node()
            self.data: Any = None if root is None else self._value(root, ())
        except yaml.MarkedYAMLError as error:
            fault = _marked(error)
        except yaml.reader.ReaderError as error:
            line = text.count("\n", 0, error.position) + 1
            column = error.position - text.rfind("\n", 0, error.position)
            fault = Misplaced(line, column, "not valid YAML: a character that YAML does not allow")
        if fault is not None:
            # Not from the parser's error: that quotes the line, and a secret may stand there.
            raise fault

    def line(self, path: KeyPath) -> int:
        """The line of a key, or of the nearest one around it that is written."""
        while path not in self._lines:
            path = path[:-1]
        return self._lines[path]

    def _value(self, node: yaml.Node, path: KeyPath) -> Any:
        if any(node is ancestor for ancestor in self._open):
            raise _misplaced(node, "an alias refers to what contains it")
        self._open.append(node)
        try:
            match node:
                case yaml.MappingNode():
                    return self._mapping(node, path)
                case yaml.SequenceNode():
                    items = cast(list[yaml.Node], node.value)
                    for index, item in enumerate(items):
                        self._lines.setdefault((*path, index), item.start_mark.line + 1)
                    return [self._value(item, (*path, index)) for index, item in enumerate(items)]
                case _:
                    return self._scalar(node, path)
        finally:
            self._open.pop()

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        written: set[str] = set()
        for key, _ in cast(list[tuple[yaml.Node, yaml.Node]], node.value):
            if not isinstance(key, yaml.ScalarNode):
                raise _misplaced(key, "a key should be text")
            if key.value in written:
                raise _misplaced(key, f"the key {key.value!r} is written twice")
            written.add(key.value)
        # Merge keys (<<) are replaced by the keys that they stand for, in front of the written ones.
        self._loader.flatten_mapping(node)
        data: dict[str, Any] = {}
        for key, value in cast(list[tuple[yaml.ScalarNode, yaml.Node]], node.value):
            self._lines[(*path, key.value)] = key.start_mark.line + 1
            data[key.value] = self._value(value, (*path, key.value))
        return data

    def _scalar(self, node: yaml.Node, path: KeyPath) -> Any:
        text = cast(str, node.value)
        if "${" in text:
            return REFERENCE.sub(lambda reference: self._resolve(reference, path), text)
        with suppress(ValueError, KeyError):
            return self._loader.construct_object(node)
        raise _misplaced(node, "cannot be read as a date, time or number: put it in quotes")

    def _resolve(self, reference: re.Match[str], path: KeyPath) -> str:
        if reference[0] == "$${":
            return "${"
        name, default = reference["name"], reference["default"]
        if name is None:
            self.issues[path] = (
                "'${' begins no reference: write ${NAME}, ${NAME:-default}, or $${ for the text"
            )
            return ""
        value = self._environ.get(name)
        if value:
            self.secrets.add(value)
            return value
        if default is None:
            state = "not set" if value is None else f"empty (write ${{{name}:-}} if it may be)"
            self.issues[path] = f"the environment variable {name} is {state}"
            return ""
        return default


def _marked(error: yaml.MarkedYAMLError) -> Misplaced:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    return Misplaced(line, column, f"not valid YAML: {error.problem or error.context or 'cannot be read'}")


def _misplaced(node: yaml.Node, message: str) -> Misplaced:
    return Misplaced(node.start_mark.line + 1, node.start_mark.column + 1, message)
