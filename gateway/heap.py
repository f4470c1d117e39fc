"""The memory of a gateway: freed memory is kept for the next answer, and what stays lies on large pages."""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Iterator
from pathlib import Path

_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
"""Numbers of ``mallopt``: malloc.h of glibc."""

_MADV_HUGEPAGE = 14
_MADV_COLLAPSE = 25
"""Numbers of ``madvise(2)``: Linux, the second since 6.1."""

_MAPS = Path("/proc/self/maps")
_LARGE_PAGE = 2 * 1024 * 1024

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


def move_to_large_pages() -> None:
    """Moves what there is now to pages of two megabytes, where the kernel lets a program ask for that.

    A request looks at objects all over the heap. With pages of four kilobytes their translations do not fit
    the processor's table of them, and in a virtual machine each that is missing is dear. Nothing is lost
    where it is not possible.
    """
    with contextlib.suppress(OSError, AttributeError, ValueError):
        madvise = ctypes.CDLL(None).madvise
        madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
        for start, end in _heaps():
            madvise(start, end - start, _MADV_HUGEPAGE)
            for page in range(-(-start // _LARGE_PAGE) * _LARGE_PAGE, end - _LARGE_PAGE + 1, _LARGE_PAGE):
                madvise(page, _LARGE_PAGE, _MADV_COLLAPSE)


def _heaps() -> Iterator[tuple[int, int]]:
    """From where to where memory is that objects are in: private, of no file, and no thread's stack."""
    guarded = 0
    for line in _MAPS.read_text().splitlines():
        span, rights, _, _, file, *name = line.split()
        start, end = (int(each, 16) for each in span.split("-"))
        if rights == "---p":
            guarded = end
        elif rights == "rw-p" and file == "0" and name in ([], ["[heap]"]) and start != guarded:
            yield start, end
