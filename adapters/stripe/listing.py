"""Lists of Stripe's, as pages: newest first, a position is the id of the row before.

A position stays right whatever is created meanwhile (https://docs.stripe.com/api/pagination).
"""

from __future__ import annotations

import re

from adapters.contracts.errors import Rejected
from adapters.contracts.resource import Page, PageRequest
from adapters.http import Params
from adapters.stripe.client import MAX_ROWS, StripeClient

_POSITION = re.compile(r"[A-Za-z0-9_-]{1,255}")


async def list_page(client: StripeClient, path: str, params: Params, request: PageRequest) -> Page:
    """One page of a list. Raises ``Rejected`` (``bad_position``) for a position that no row has."""
    after: list[tuple[str, str]] = []
    if request.after is not None:
        if not _POSITION.fullmatch(request.after):
            raise Rejected("this is no position in a list of Stripe's", vendor_code="bad_position")
        after = [("starting_after", request.after)]
    limit = min(max(request.first, 1), MAX_ROWS)
    page = await client.list(path, [("limit", str(limit)), *params, *after])
    if page is None:
        return Page((), (), False)
    return Page(page.rows, [str(row["id"]) for row in page.rows], page.has_more)
