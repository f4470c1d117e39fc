"""The heavy suites in full: ``make soak``. Each writes its section of docs/reliability.md.

    make soak
    make soak ARGS=--only=crash,quarter-end
    make soak ARGS=--dry                      # writes nothing

Ends with 1 where anything is not as promised; the page then says so, too.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import traceback
from pathlib import Path

from tests.soak import report
from tests.soak.section import Found, Section
from tests.soak.sections import SECTIONS
from tests.support.origin import commit_of, load

ROOT = Path(__file__).resolve().parents[2]
NAMES = [section.name for section in SECTIONS]


def main() -> int:
    options = _options()
    # What is measured is what is checked out now; the page itself is changed on the way.
    commit = commit_of(ROOT)
    wrong = 0
    for section in SECTIONS:
        if section.name not in options.only:
            continue
        print(f"\n## {section.title}\n", flush=True)
        started, load_before = time.monotonic(), load()
        found = _run(section)
        text = report.text_of(found, commit, time.monotonic() - started, load_before)
        print(f"\n{text}", flush=True)
        if not options.dry:
            report.write(section, text)
        wrong += len(found.wrong)
    return 1 if wrong else 0


def _run(section: Section) -> Found:
    started = time.monotonic()

    def say(message: str) -> None:
        print(f"{time.monotonic() - started:6.0f} s  {message}", flush=True)

    with tempfile.TemporaryDirectory(prefix=f"fieldgate-{section.name}-") as folder:
        try:
            return section.run(Path(folder), say)
        except Exception as error:
            traceback.print_exc()
            return Found([], [f"the suite broke off with {type(error).__name__}"])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default=NAMES, type=_names, help=f"of {', '.join(NAMES)}; all by default")
    parser.add_argument("--dry", action="store_true", help="print, and leave the page alone")
    return parser.parse_args()


def _names(text: str) -> list[str]:
    names = text.split(",")
    if unknown := set(names) - set(NAMES):
        raise argparse.ArgumentTypeError(f"there is no {', '.join(sorted(unknown))}")
    return names


if __name__ == "__main__":
    sys.exit(main())
