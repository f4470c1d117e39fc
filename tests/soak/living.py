"""The emulated company moves until it has sent so many webhooks.

``python -m tests.soak.living FILE COUNT SEED``

A process of its own, so that what happens does not wait for who serves and watches it.
"""

from __future__ import annotations

import sys
import time

from adapters import registry
from adapters.emulation.life import Life
from adapters.emulation.store import open_store

VENDORS = ("stripe", "chargebee")
"""Those that push."""

LOOK_EVERY = 20
MOST_PENDING = 1_000
"""More that wait to be sent, and nothing happens for a moment: a company does not run ahead of its news."""

WAIT_S = 0.2

_NEW = "SELECT coalesce(max(number), ?), coalesce(sum(again = 0), 0) FROM webhook WHERE number > ?"
_PENDING = "SELECT count(*) FROM webhook WHERE vendor IN ('stripe', 'chargebee') AND state = 'PENDING'"


def main(file: str, count: int, seed: int) -> None:
    store = open_store(file)
    happenings = [(vendor, each) for vendor in VENDORS for each in registry.emulator(vendor).life]
    life = Life(store, happenings, seed)
    last = sent = 0
    while sent < count:
        if store.execute(_PENDING).fetchone()[0] > MOST_PENDING:
            time.sleep(WAIT_S)
            continue
        for _ in range(LOOK_EVERY):
            life.step()
        last, more = store.execute(_NEW, (last, last)).fetchone()
        sent += more
    store.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
