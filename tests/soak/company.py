"""A company in emulated systems, served over HTTP by threads of this process, and what was done there."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp

from adapters import registry
from adapters.emulation.generate import generate
from adapters.emulation.journal import Effect, effects
from adapters.emulation.store import open_store
from adapters.emulation.world import InvoiceFact, World
from gateway.commands.ids import vendor_key
from resolvers.ids import decode_command_id
from tests.support.sandbox import Emulators
from tests.support.server import serving


@dataclass
class Company:
    """The running systems, and the facts they were seeded from."""

    emulators: Emulators
    world: World

    def effects(self, vendor: str | None = None) -> list[Effect]:
        """Every write that was performed, in order."""
        with self.emulators.tables() as store:
            return effects(store, vendor)

    def config(self, folder: Path, **sections: Any) -> Path:
        """Writes the configuration file of a gateway over these systems, with its state in ``folder``."""
        folder.mkdir(parents=True, exist_ok=True)
        connections = [
            {
                "name": vendor,
                "system": registry.emulator(vendor).system.value,
                "adapter": vendor,
                "settings": registry.emulator(vendor).settings(url),
            }
            for vendor, url in self.emulators.urls.items()
        ]
        state = {"folder": str(folder), **sections.pop("state", {})}
        file = folder / "fieldgate.yaml"
        # JSON is YAML.
        file.write_text(json.dumps({**sections, "state": state, "connections": connections}))
        return file

    def hold_back(self, invoices: Sequence[InvoiceFact]) -> None:
        """Makes invoices such as wait for approval: not posted, and nothing paid."""
        with self.emulators.tables() as store:
            store.executemany(
                "UPDATE netsuite_transaction SET status = 'D', approvalstatus = 1, posting = 'F', "
                "foreignamountunpaid = foreigntotal WHERE id = ?",
                [(invoice.id,) for invoice in invoices],
            )


@dataclass(frozen=True, slots=True)
class Seeded:
    """A store that every emulator is seeded in, to copy."""

    file: Path
    world: World


def seeded(folder: Path, *, customers: int, seed: int = 7) -> Seeded:
    """Makes the store of a company."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "seeded.sqlite"
    world = generate(seed=seed, customers=customers)
    store = open_store(file)
    for vendor in registry.EMULATORS:
        registry.emulator(vendor).seed(store, world)
    store.close()  # the last one out writes the log of a WAL back into the file
    return Seeded(file, world)


@contextlib.contextmanager
def company(
    folder: Path, source: Seeded, *, around: Callable[[str, ASGIApp], ASGIApp] = lambda _, app: app
) -> Iterator[Company]:
    """Every vendor's emulator, over one copy of the store in ``folder``, within what ``around`` gives."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "world.sqlite"
    shutil.copyfile(source.file, file)
    with contextlib.ExitStack() as running:
        urls: dict[str, str] = {}
        for vendor in registry.EMULATORS:
            # A connection each: the transactions of their threads must not meet in one.
            store = open_store(file)
            running.callback(store.close)
            app = around(vendor, registry.emulator(vendor).serve(store))
            urls[vendor] = running.enter_context(serving(app))
        emulators = Emulators(urls, file)
        running.callback(emulators.http.close)
        yield Company(emulators, source.world)


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of commands.

    accepted:  the gateway said that it keeps them, or was found to keep them.
    performed: of these, those that the systems carried out.
    lost:      accepted and not carried out.
    doubled:   carried out more than once.
    strange:   effects of no accepted command.
    """

    accepted: int
    performed: int
    lost: int
    doubled: int
    strange: int = 0

    @property
    def well(self) -> bool:
        return self.lost == self.doubled == self.strange == 0


def tally(command_ids: Sequence[str], done: Sequence[Effect]) -> Tally:
    """Holds commands, by their global ids, against effects, by the key that each carried."""
    times = Counter(effect.key for effect in done)
    keys = {vendor_key(decode_command_id(command_id)) for command_id in command_ids}
    performed = sum(1 for key in keys if times[key])
    return Tally(
        accepted=len(keys),
        performed=performed,
        lost=len(keys) - performed,
        doubled=sum(1 for key in keys if times[key] > 1),
        strange=sum(1 for key in times if key not in keys),
    )
