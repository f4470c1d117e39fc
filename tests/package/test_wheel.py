"""The wheel holds everything it needs at run time, and nothing that belongs to the repository."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = ("adapters", "gateway", "resolvers", "schema", "pyproject.toml", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that nothing is left behind in the source tree."""
    source = tmp_path_factory.mktemp("source")
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(
                ROOT / part, source / part, ignore=shutil.ignore_patterns("__pycache__", "node_modules")
            )
        else:
            shutil.copy(ROOT / part, source / part)
    out = tmp_path_factory.mktemp("wheel")
    built = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", str(out), str(source)],
        capture_output=True,
        text=True,
        check=False,
    )
    if built.returncode != 0 and re.search(
        r"Could not find a version|No matching distribution", built.stdout
    ):
        pytest.skip("the build's own requirements cannot be fetched here")
    assert built.returncode == 0, built.stdout + built.stderr
    (found,) = out.glob("*.whl")
    return found


def test_the_wheel_is_pure_and_holds_the_pages(wheel: Path):
    assert wheel.name.endswith("-py3-none-any.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {
        "adapters",
        "gateway",
        "resolvers",
        "schema",
    }
    for folder in ("gateway/web/static", "gateway/web/html"):
        here = {path.relative_to(ROOT).as_posix() for path in (ROOT / folder).rglob("*") if path.is_file()}
        assert here <= set(names), f"missing in the wheel: {sorted(here - set(names))[:5]}"


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's own files alone; its dependencies are those of the environment that runs the tests."""
    target = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    return target


def test_the_installed_package_runs_the_sandbox_without_the_repository(installed: Path, tmp_path: Path):
    environment = {**os.environ, "PYTHONPATH": str(installed), "PYTHONSAFEPATH": "1"}
    code = "import gateway; print(gateway.__file__); from gateway.cli import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", code, "sandbox", "--port", "0", "--customers", "40", "--state", "state"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        lines: list[str] = []
        for line in process.stdout:
            lines.append(line)
            if "Ctrl-C" in line:
                break
        output = "".join(lines)
        assert str(installed) in lines[0], output
        url = re.search(r"http://127\.0\.0\.1:\d+/graphql", output)
        assert url is not None, output
        request = urllib.request.Request(
            url.group(),
            data=json.dumps({"query": "{ customers(first: 1) { nodes { name } } }"}).encode(),
            headers={"content-type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            body = json.load(answer)
        assert body["data"]["customers"]["nodes"][0]["name"]
        with urllib.request.urlopen(url.group().removesuffix("graphql"), timeout=20) as page:
            assert b"Fieldgate" in page.read()
    finally:
        process.terminate()
        process.wait(20)
    assert process.returncode == 0
