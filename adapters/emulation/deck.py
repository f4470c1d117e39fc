"""Draws in exact proportions: rare cases appear even in a small world."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Generic, TypeVar

T = TypeVar("T")


class Deck(Generic[T]):
    """A pack with each card as often as ``counts`` says, shuffled anew when it is used up."""

    def __init__(self, rng: Random, counts: Mapping[T, int]) -> None:
        self._rng = rng
        self._cards = tuple(card for card, count in counts.items() for _ in range(count))
        self._left: list[T] = []

    def draw(self) -> T:
        if not self._left:
            self._left = list(self._cards)
            self._rng.shuffle(self._left)
        return self._left.pop()
