"""The pages of a running sandbox, and a browser to open them in."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.sandbox import Sandbox, sandbox
from tests.web.standin import ROOT

SCRIPTS = Path(__file__).parent / "browser"
ROLE = "sales"
"""One that may not see everything a customer has."""


@pytest.fixture(scope="package")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """`fieldgate sandbox` as a process; nothing happens in it but what the browser asks for."""
    with sandbox(tmp_path_factory.mktemp("web") / "state", customers=40) as running:
        # Tokens are fetched, and every system has answered once.
        running.data(
            "{ customers(first: 1) { nodes { name receivables { onHold } paymentMethods { kind } } }"
            " subscriptions(first: 1) { nodes { id } } }"
        )
        yield running


@pytest.fixture(scope="package")
def site(company: Sandbox) -> str:
    """The base URL of the pages, with the API beside them."""
    return company.gateway.url


@dataclass(frozen=True)
class Visit:
    """What the browser saw: `foreign` are requests that left the origin, `violations` those of the policy."""

    foreign: list[str]
    complaints: list[str]
    violations: list[str]
    requests: list[tuple[int, str]]
    accessibility: dict[str, list[str]]
    facts: dict[str, Any]


def node_packages() -> Path:
    """The folder with playwright-core and axe-core, installed once into the cache; skips without npm."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("no Node.js and npm: the pages were not opened in a browser")
    folder = ROOT / ".cache" / "node" / "browser"
    wanted = (SCRIPTS / "package-lock.json").read_text()
    installed = folder / "installed-lock.json"
    if not installed.exists() or installed.read_text() != wanted:
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(SCRIPTS / name, folder)
        done = subprocess.run(
            [npm, "ci"], cwd=folder, capture_output=True, text=True, timeout=150, check=False
        )
        if done.returncode:
            pytest.skip(f"npm could not install playwright-core: {done.stderr.strip()[-300:]}")
        installed.write_text(wanted)
    return folder


@pytest.fixture(scope="package")
def visit(site: str) -> Callable[[str], Visit]:
    """Runs a script of `browser/` in Debian's chromium; its screenshots go to FIELDGATE_ARTEFACTS."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no chromium on the PATH: the pages were not opened in a browser")
    packages = node_packages()
    artefacts = Path(os.environ.get("FIELDGATE_ARTEFACTS") or ROOT / ".cache" / "screenshots").resolve()
    artefacts.mkdir(parents=True, exist_ok=True)

    def run(script: str) -> Visit:
        options = {
            "url": site,
            "chromium": chromium,
            "packages": str(packages),
            "artefacts": str(artefacts),
            "role": ROLE,
        }
        command = ["node", str(SCRIPTS / script), json.dumps(options)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=170, check=False)
        assert done.returncode == 0, f"{done.stderr[-3000:]}\n{done.stdout[-3000:]}"
        return Visit(**json.loads(done.stdout))

    return run
