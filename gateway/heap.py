"""Freed memory, kept for the next answer."""

from __future__ import annotations

import ctypes

_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
"""Numbers of ``mallopt``: malloc.h of glibc."""

KEPT_BYTES = 32 * 1024 * 1024
"""What may lie free at the top of the heap."""


def keep_freed() -> None:
    """Keeps what a large answer leaves free, up to ``KEPT_BYTES``, instead of giving it back to the kernel.

    By its own rules glibc gives back all but some hundred kilobytes, and the next large answer takes it anew:
    a page fault for every four kilobytes. Other allocators have no ``mallopt``, and are left as they are.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_TRIM_THRESHOLD, KEPT_BYTES)
        mallopt(_M_MMAP_THRESHOLD, KEPT_BYTES // 4)
