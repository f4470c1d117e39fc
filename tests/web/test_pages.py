"""What the routes of the pages answer, without a browser."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import tomllib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from graphql import parse, validate
from starlette.testclient import TestClient

from gateway.web.headers import SECURITY_HEADERS
from gateway.web.pages import HTML, STATIC
from tests.web.standin import application, printed_schema

RECIPE = STATIC.parent / "build"
OPERATIONS = sorted((RECIPE / "src" / "operations").glob("*.graphql"))
PAGES = ["/", "/welcome", "/nothing-here"]
FILES = sorted(path.name for path in STATIC.iterdir())


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with TestClient(application()) as client:
        yield client


class References(HTMLParser):
    """Collects what a page makes the browser load, and what would be inline."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.linked: list[str] = []
        self.inline: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.inline += [name for name in given if name.startswith("on") or name == "style"]
        if tag == "style" or (tag == "script" and "src" not in given):
            self.inline.append(tag)
        for name in ("src", "href"):
            if value := given.get(name):
                (self.linked if tag == "a" else self.loaded).append(value)


def page(client: TestClient, path: str) -> str:
    return client.get(path, headers={"accept": "text/html"}).text


@pytest.mark.parametrize("path", PAGES)
def test_a_page_loads_only_files_that_are_here(client: TestClient, path: str) -> None:
    references = References(page(client, path))
    assert references.inline == []
    assert references.loaded
    for reference in references.loaded:
        assert reference.startswith("/static/")
        assert client.get(reference).status_code == 200


@pytest.mark.parametrize("path", ["/", "/welcome"])
def test_a_page_links_only_within_the_gateway(client: TestClient, path: str) -> None:
    for link in References(page(client, path)).linked:
        # What the gateway itself serves is not beside the stand-in.
        assert link.startswith(("/health/", "/metrics")) or client.get(link).status_code == 200, link


@pytest.mark.parametrize(("path", "status"), [("/", 200), ("/welcome", 200), ("/nothing-here", 404)])
def test_a_page_is_html_asked_for_anew(client: TestClient, path: str, status: int) -> None:
    response = client.get(path, headers={"accept": "text/html,*/*;q=0.8"})
    assert response.status_code == status
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["cache-control"] == "no-cache"
    assert "etag" in response.headers
    assert client.head(path, headers={"accept": "text/html"}).status_code == status


@pytest.mark.parametrize(
    "path", [*PAGES, "/static/manifest.json", "/static/absent.js", "/static/../pages.py"]
)
def test_the_security_headers_stand_on_everything(client: TestClient, path: str) -> None:
    for headers in ({"accept": "text/html"}, {"accept": "*/*"}):
        answered = client.get(path, headers=headers).headers
        assert {name: answered[name] for name in SECURITY_HEADERS} == dict(SECURITY_HEADERS)


def test_the_content_policy_allows_no_foreign_origin_and_no_eval() -> None:
    policy = SECURITY_HEADERS["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self';")
    assert not re.search(r"unsafe-eval|https?:|\*|blob:", policy)


def test_a_program_gets_a_plain_line_for_what_is_not_there(client: TestClient) -> None:
    response = client.get("/nothing-here", headers={"accept": "application/json"})
    assert (response.status_code, response.text) == (404, "Not Found")
    assert response.headers["content-type"].startswith("text/plain")


MEDIA = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "svg": "image/svg+xml",
    "ttf": "font/ttf",
    "txt": "text/plain; charset=utf-8",
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_has_its_type_and_is_kept_when_its_name_is_its_hash(client: TestClient, name: str) -> None:
    response = client.get(f"/static/{name}")
    assert response.status_code == 200
    assert response.headers["content-type"] == MEDIA[name.rpartition(".")[2]]
    hashed = name not in ("LICENSES.txt", "manifest.json")
    assert response.headers["cache-control"] == (
        "public, max-age=31536000, immutable" if hashed else "no-cache"
    )
    again = client.get(f"/static/{name}", headers={"if-none-match": response.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "path", ["/static/", "/static/absent.js", "/static/%2e%2e/pages.py", "/static/..%2fhtml/welcome.html"]
)
def test_nothing_else_is_served(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_a_file_is_not_written_to(client: TestClient) -> None:
    assert client.post("/static/manifest.json").status_code == 405
    assert client.post("/").status_code == 405


def test_every_file_named_by_another_is_here() -> None:
    for path in STATIC.glob("*.[jc]s*"):
        if path.name == "manifest.json":
            continue
        text = path.read_text()
        assert "sourceMappingURL" not in text, path.name
        for reference in re.findall(r"\./([\w.-]+-[A-Z0-9]{8}\.\w+)", text):
            assert reference in FILES, f"{path.name} names {reference}"


def test_no_style_sheet_asks_another_origin() -> None:
    for path in STATIC.glob("*.css"):
        assert not re.search(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//", path.read_text()), path.name


def test_no_script_evaluates_text() -> None:
    for path in STATIC.glob("*.js"):
        assert not re.search(r"[^.\w]eval\(|new Function\(|[^.\w]Function\(", path.read_text()), path.name


def test_the_files_are_those_of_the_recipe() -> None:
    manifest = json.loads((STATIC / "manifest.json").read_text())
    assert manifest["files"] == [name for name in FILES if name != "manifest.json"]
    made_from = sorted(
        f"{path.relative_to(RECIPE).as_posix()} {hashlib.sha256(path.read_bytes()).hexdigest()}"
        for path in RECIPE.rglob("*")
        if path.is_file() and "node_modules" not in path.parts
    )
    digest = hashlib.sha256("\n".join(made_from).encode()).hexdigest()
    assert manifest["sources"] == digest, "make them anew: cd gateway/web/build && npm ci && npm run build"


def test_the_licences_are_those_of_what_is_bundled() -> None:
    notices = (STATIC / "LICENSES.txt").read_text()
    for package in ("graphiql", "monaco-editor", "react", "graphql", "graphql-ws", "prettier"):
        assert re.search(rf"^{package} \d+\.\d+\.\d+ \(MIT\)$", notices, re.MULTILINE), package


def test_the_lock_file_names_no_download_address() -> None:
    for folder in (RECIPE, Path(__file__).parent / "browser"):
        assert '"resolved"' not in (folder / "package-lock.json").read_text()


@pytest.mark.parametrize("path", OPERATIONS, ids=lambda path: path.stem)
def test_an_example_fits_the_schema(path: Path) -> None:
    schema = printed_schema()
    document = parse(path.read_text())
    assert validate(schema, document) == []
    declared = {
        variable.variable.name.value for variable in document.definitions[0].variable_definitions or ()
    }
    assert set(json.loads(path.with_suffix(".json").read_text())) == declared


def test_there_are_examples_of_each_entity_of_writing_and_of_watching() -> None:
    assert [path.stem for path in OPERATIONS] == [
        "business-events",
        "customer-360",
        "invoices",
        "pause-subscription",
        "payments",
        "subscriptions",
        "update-customer",
    ]


def test_the_pages_are_in_the_wheel() -> None:
    """The wheel takes the whole package but what git is told to ignore."""
    root = STATIC.parents[2]
    wheel = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert "gateway" in wheel["packages"]
    assert not {"exclude", "only-include"} & set(wheel)
    files = [str(path.relative_to(root)) for path in [*STATIC.iterdir(), *HTML.iterdir()]]
    command = ["git", "check-ignore", "--no-index", *files]
    ignored = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if ignored.returncode == 128:
        pytest.skip(f"not a git checkout: {ignored.stderr.strip()}")
    assert ignored.stdout == ""
