"""What the README and the sandbox tell a newcomer to type, typed."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.sandbox import Sandbox

ROOT = Path(__file__).parents[2]
README_URL = "http://127.0.0.1:8000"


def typed(line: str) -> Any:
    """The JSON answer to a command line that begins with ``curl``."""
    if shutil.which("curl") is None:
        pytest.skip("no curl on the PATH")
    done = subprocess.run(shlex.split(line), capture_output=True, text=True, timeout=60, check=True)
    return json.loads(done.stdout)


def assert_tells_a_customer(answer: Any) -> None:
    assert "errors" not in answer, answer
    (customer,) = answer["data"]["customers"]["nodes"]
    assert customer["name"]
    assert customer["receivables"]["balance"]["currency"]
    assert "subscriptions" in customer


def test_the_query_of_the_readme(company: Sandbox) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    (asking,) = (block for block in blocks if block.startswith("curl -s "))
    assert README_URL in asking
    assert_tells_a_customer(typed(asking.replace(README_URL, company.gateway.url)))


def test_the_query_that_the_sandbox_tells_to_try(company: Sandbox) -> None:
    (asking,) = (line.strip() for line in company.gateway.lines if line.strip().startswith("curl"))
    assert_tells_a_customer(typed(asking))


def test_make_run(tmp_path: Path) -> None:
    """One command, from the repository, to an answer and a playground."""
    if shutil.which("make") is None or not (ROOT / ".venv" / "bin" / "fieldgate").exists():
        pytest.skip("needs make, and the environment that it makes")
    arguments = f"--port 0 --customers 40 --state {tmp_path / 'state'}"
    process = subprocess.Popen(
        ["make", "--no-print-directory", "run", f"ARGS={arguments}"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if "Ctrl-C ends it" in line:
                break
        (url,) = set(re.findall(r"is at (http://\S+)/graphql", said)) or {said}
        (asking,) = (line.strip() for line in said.splitlines() if line.strip().startswith("curl"))
        assert_tells_a_customer(typed(asking))
        page = httpx.get(f"{url}/", trust_env=False)
        assert page.status_code == 200
        assert "Fieldgate" in page.text
    finally:
        # As Ctrl-C does: to everything in the terminal's foreground.
        os.killpg(process.pid, signal.SIGINT)
        if process.stdout is not None:
            process.stdout.close()
        process.wait(30)
