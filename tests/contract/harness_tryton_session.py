"""Tryton's adapter over JSON-RPC, as a user who logs in with a password: the same books, the same truths."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from tests.contract.harness import Harness
from tests.contract.harness_tryton import tryton_harness
from tests.support.tryton_front import tryton_front


@contextlib.contextmanager
def harness() -> Iterator[Harness]:
    with tryton_front(name_methods=True) as front:
        yield tryton_harness(
            "tryton_session",
            front,
            front.with_password(),
            front.with_password("not the right one"),
            ("billing", "draft", "due date of a posted invoice", "post", "void a draft"),
            token_path="common.db/login",
        )
