"""Servers that are started once and kept for whoever asks for them again."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import Any, TypeVar

T = TypeVar("T")


class Kept:
    """What was started stays until ``closing`` ends it."""

    def __init__(self, closing: ExitStack) -> None:
        self._closing = closing
        self._running: dict[Callable[[], AbstractContextManager[Any]], Any] = {}

    def of(self, start: Callable[[], AbstractContextManager[T]]) -> T:
        """What ``start`` gave the first time."""
        if start not in self._running:
            self._running[start] = self._closing.enter_context(start())
        return self._running[start]
