"""The collector of cycles, run as seldom as this program needs it."""

from __future__ import annotations

import gc


def collect_seldom() -> None:
    """What starts makes some hundred thousand objects that all stay, and an answer is thousands of objects
    that are part of no cycle. By default they were gone through again and again: a sixth of the time that a
    start takes, and half of that of a large answer.
    """
    gc.set_threshold(100_000, 20, 50)


def settle() -> None:
    """What there is now is there to stay, and is not looked at any more."""
    gc.collect()
    gc.freeze()
