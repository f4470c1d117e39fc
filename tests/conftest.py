"""Fixtures of the whole suite. A run says what it left behind; one of the whole suite then fails.

Where several processes share the tests, the one that hands them out counts what they all leave behind.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Iterator
from contextvars import Context
from pathlib import Path
from typing import Any

import pytest

from gateway.collector import collect_seldom, settle
from tests.support import tryton_server
from tests.support.leftovers import Run
from tests.support.postgresql import CannotStart, PostgreSQL, postgresql

LONGEST = (
    "tests/soak/",
    "tests/planned/",
    "tests/contract/test_writes.py",
    "tests/commands/test_model.py",
    "tests/events/test_crash.py",
    "tests/scenarios/test_replicas.py",
    "tests/scenarios/test_partial_answers.py",
    "tests/streams/",
    "tests/web/test_browser.py",
)
"""Files that take longest, and come late by their names."""

_RUN = pytest.StashKey[Run]()
_LEFT = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    if not config.option.collectonly and not hasattr(config, "workerinput"):
        config.stash[_RUN] = Run.begin(Path(__file__).parents[1])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take longest go first: no process is left alone with them at the end."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Builds the real ERP server, once for all runs: no test's time limit should have to cover that."""
    if session.config.option.collectonly:
        return
    if any("tryton" in item.nodeid for item in session.items):
        tryton_server.build()
    # As the product does: thousands of tests, and all that they import, are there to stay.
    settle()
    collect_seldom()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None]:
    yield  # by whoever else ends things: the processes that ran the tests are over then
    run = session.config.stash.get(_RUN, None)
    if run is None:
        return
    session.config.stash[_LEFT] = left = run.left()
    whole = session.config.args_source is not pytest.Config.ArgsSource.ARGS
    if left and whole and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if left := config.stash.get(_LEFT, []):
        terminalreporter.section("left behind", red=True, bold=True)
        for line in left:
            terminalreporter.line(line)


def pytest_unconfigure(config: pytest.Config) -> None:
    if (run := config.stash.get(_RUN, None)) is not None:
        failed = config.stash.get(_LEFT, []) or _failed(config)
        run.end(keep=bool(failed))


def _failed(config: pytest.Config) -> bool:
    reporter = config.pluginmanager.getplugin("terminalreporter")
    return reporter is None or bool(reporter.stats.get("failed") or reporter.stats.get("error"))


class _Loop(asyncio.SelectorEventLoop):
    """A loop that takes no calls any more once it is closed, and does not complain of them.

    grpc has one queue of events for the whole process: what comes late for a loop of an earlier test is
    handed out by the loop of a later one, which would fail for it.
    """

    def call_soon_threadsafe(
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        if self.is_closed():
            return asyncio.Handle(callback, args, self, context)
        return super().call_soon_threadsafe(callback, *args, context=context)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgreSQL]:
    """A real server for all files, each test of which takes a fresh database; skips where it cannot start."""
    try:
        with postgresql() as server:
            yield server
    except CannotStart as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """One loop implementation: aiodataloader is asyncio's."""
    return "asyncio", {"loop_factory": _Loop}
