"""What was used lately, bounded, and found by one look-up of a dictionary.

An LRU cache orders its entries anew with each look-up; written in Python, that is a few dozen operations, and
a request looks into several. Here there are two generations: what is found in the elder moves to the younger,
and once the younger holds half of what may be kept, the elder is let go of. What is in use stays.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """``most`` is what may be kept in all, in the unit of ``size``; without one, entries are counted."""

    __slots__ = ("_elder", "_half", "_held", "_size", "_younger")

    def __init__(self, most: int, size: Callable[[V], int] | None = None) -> None:
        self._half = most // 2
        self._size = size
        self._younger: dict[K, V] = {}
        self._elder: dict[K, V] = {}
        self._held = 0

    def get(self, key: K) -> V | None:
        """What is kept for a key."""
        found = self._younger.get(key)
        if found is None:
            found = self._elder.pop(key, None)
            if found is not None:
                self.put(key, found)
        return found

    def put(self, key: K, value: V) -> None:
        """Keeps a value; one that takes more than half of what may be kept is not."""
        self.drop(key)
        size = 1 if self._size is None else self._size(value)
        if size > self._half:
            return
        if self._held + size > self._half:
            self._elder, self._younger, self._held = self._younger, {}, 0
        self._younger[key] = value
        self._held += size

    def drop(self, key: K) -> None:
        """Forgets a key."""
        self._elder.pop(key, None)
        had = self._younger.pop(key, None)
        if had is not None:
            self._held -= 1 if self._size is None else self._size(had)
