"""The emulated company moves until it has sent so many webhooks.

``python -m tests.soak.living FILE COUNT SEED``

A process of its own, so that what happens does not wait for who serves and watches it.
"""

from __future__ import annotations

import sys

from adapters import registry
from adapters.emulation.life import Life
from adapters.emulation.store import open_store

VENDORS = ("stripe", "chargebee")
"""Those that push."""

LOOK_EVERY = 20


def main(file: str, count: int, seed: int) -> None:
    store = open_store(file)
    happenings = [(vendor, each) for vendor in VENDORS for each in registry.emulator(vendor).life]
    life = Life(store, happenings, seed)
    sent = "SELECT count(*) FROM webhook WHERE again = 0"
    while store.execute(sent).fetchone()[0] < count:
        for _ in range(LOOK_EVERY):
            life.step()
    store.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
