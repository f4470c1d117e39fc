"""Pages of lists for a viewer who sees some of their objects only.

What is left out leaves no trace: a page is as full as what the viewer sees allows, and says that more follows
only where the viewer will see more, or where so much was read that nobody looked.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from typing import TypeVar

from resolvers.errors import Code, GraphFault

T = TypeVar("T")

BATCH, LARGEST_BATCH = 100, 1_000
"""Objects that are read at once: at first, and at most. Vendors may give fewer."""

MOST_READ = 5_000
"""Objects that are read to fill one page."""

_TOO_MANY = "the list: too few of its objects are this caller's; ask with a filter, or from a customer"


def sizes_of_batches() -> Iterator[int]:
    """How many to read at once: more each time, because who sees little has far to read."""
    size = BATCH
    while True:
        yield size
        size = min(2 * size, LARGEST_BATCH)


async def sift(
    batches: AsyncGenerator[Sequence[T]], sees: Callable[[T], Awaitable[bool]], first: int
) -> tuple[list[T], bool]:
    """The first of the objects that are seen, in order, and whether more of these follow.

    Raises QUERY_TOO_COMPLEX where ``MOST_READ`` objects do not fill the page. Where they fill it and the next
    is still to be found, more is said to follow.
    """
    found: list[T] = []
    read = 0
    async with aclosing(batches):
        async for batch in batches:
            if read >= MOST_READ:
                if len(found) < first:
                    raise GraphFault(Code.QUERY_TOO_COMPLEX, _TOO_MANY)
                return found, True
            read += len(batch)
            seen = await asyncio.gather(*(sees(each) for each in batch))
            found += [each for each, is_seen in zip(batch, seen, strict=True) if is_seen]
            if len(found) > first:
                break
    return found[:first], len(found) > first
