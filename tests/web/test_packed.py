"""The files of the pages, compressed for who accepts it: over a socket, by a client that hides nothing."""

from __future__ import annotations

import gzip
import http.client
import re
from collections.abc import Iterator
from email.message import Message
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import pytest
from starlette.responses import FileResponse

from gateway.web.packed import LEAST_BYTES, Packed
from gateway.web.pages import HTML, STATIC
from tests.support.server import serving
from tests.web.standin import ROOT, application

FILES = sorted(path for path in STATIC.iterdir())
LARGEST = max(FILES, key=lambda each: each.stat().st_size)
LARGE = [each for each in FILES if each.stat().st_size >= LEAST_BYTES]
SMALL = next(each for each in FILES if each.stat().st_size < LEAST_BYTES)


@pytest.fixture(scope="module")
def peer() -> Iterator[http.client.HTTPConnection]:
    with serving(application()) as url:
        address = urlsplit(url)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)
        yield connection
        connection.close()


def get(
    peer: http.client.HTTPConnection, path: str | Path, *, method: str = "GET", **headers: str
) -> tuple[int, Message, bytes]:
    """Status, headers, and the bytes as they came."""
    target = path if isinstance(path, str) else f"/static/{path.name}"
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    peer.request(method, target, headers={"accept-encoding": "", **named})
    answer = peer.getresponse()
    return answer.status, answer.headers, answer.read()


@pytest.mark.parametrize("file", LARGE, ids=lambda each: each.name)
def test_a_file_is_the_same_compressed(peer: http.client.HTTPConnection, file: Path) -> None:
    status, plain, content = get(peer, file)
    assert (status, content) == (200, file.read_bytes())
    assert plain["content-encoding"] is None
    status, packed, body = get(peer, file, accept_encoding="br, gzip")
    assert status == 200
    assert packed["content-encoding"] == "gzip"
    assert gzip.decompress(body) == content
    assert int(packed["content-length"]) == len(body) < len(content)
    # Two representations: a cache keeps them apart, and never takes one for the other.
    assert plain["vary"] == packed["vary"] == "accept-encoding"
    assert plain["etag"] != packed["etag"]
    for name in ("content-type", "cache-control", "last-modified", "content-security-policy"):
        assert plain[name] == packed[name]


def test_the_playground_comes_in_a_third_of_its_size(peer: http.client.HTTPConnection) -> None:
    sizes = [len(get(peer, file, accept_encoding="gzip")[2]) for file in FILES]
    whole = sum(file.stat().st_size for file in FILES)
    assert sum(sizes) < whole / 3
    text = " ".join((ROOT / "docs" / "operations.md").read_text().split())
    (told,) = re.findall(r"The files of the pages are ([0-9.]+) MB, and ([0-9.]+) MB compressed", text)
    assert [float(each) for each in told] == pytest.approx([whole / 1e6, sum(sizes) / 1e6], rel=0.1)


@pytest.mark.parametrize("accepted", ["", "identity", "br", "gzip;q=0", "*;q=0"])
def test_who_does_not_accept_it_gets_the_file(peer: http.client.HTTPConnection, accepted: str) -> None:
    _, headers, body = get(peer, LARGEST, accept_encoding=accepted)
    assert headers["content-encoding"] is None
    assert body == LARGEST.read_bytes()


def test_what_is_short_is_sent_as_it_is(peer: http.client.HTTPConnection) -> None:
    _, headers, body = get(peer, SMALL, accept_encoding="gzip")
    assert (headers["content-encoding"], body) == (None, SMALL.read_bytes())
    assert headers["vary"] == "accept-encoding"


@pytest.mark.parametrize("accepted", ["", "gzip"])
def test_a_fresh_copy_is_not_sent_again(peer: http.client.HTTPConnection, accepted: str) -> None:
    _, first, _ = get(peer, LARGEST, accept_encoding=accepted)
    for known in (first["etag"], f'"other", W/{first["etag"]}'):
        status, headers, body = get(peer, LARGEST, accept_encoding=accepted, if_none_match=known)
        assert (status, body) == (304, b"")
        assert (headers["etag"], headers["vary"]) == (first["etag"], "accept-encoding")
        assert headers["cache-control"] == first["cache-control"]
    since = first["last-modified"]
    status, headers, _ = get(peer, LARGEST, accept_encoding=accepted, if_modified_since=since)
    assert (status, headers["etag"]) == (304, first["etag"])


def test_the_tag_of_one_is_not_that_of_the_other(peer: http.client.HTTPConnection) -> None:
    _, plain, _ = get(peer, LARGEST)
    _, packed, _ = get(peer, LARGEST, accept_encoding="gzip")
    assert get(peer, LARGEST, if_none_match=packed["etag"])[0] == 200
    assert get(peer, LARGEST, accept_encoding="gzip", if_none_match=plain["etag"])[0] == 200


def test_a_part_is_of_the_file_itself(peer: http.client.HTTPConnection) -> None:
    status, headers, body = get(peer, LARGEST, accept_encoding="gzip", range="bytes=10-19")
    assert (status, body) == (206, LARGEST.read_bytes()[10:20])
    assert headers["content-encoding"] is None


def test_head_has_the_headers_of_get(peer: http.client.HTTPConnection) -> None:
    _, got, body = get(peer, LARGEST, accept_encoding="gzip")
    status, headers, nothing = get(peer, LARGEST, method="HEAD", accept_encoding="gzip")
    assert (status, nothing) == (200, b"")
    assert int(headers["content-length"]) == len(body)
    assert headers["etag"] == got["etag"]


@pytest.mark.parametrize(("path", "name"), [("/", "playground.html"), ("/welcome", "welcome.html")])
def test_pages_are_compressed_too(peer: http.client.HTTPConnection, path: str, name: str) -> None:
    status, headers, body = get(peer, path, accept_encoding="gzip")
    assert (status, headers["content-encoding"]) == (200, "gzip")
    assert gzip.decompress(body) == (HTML / name).read_bytes()
    assert headers["vary"] == "accept-encoding"
    assert headers["content-security-policy"]
    status, fresh, body = get(peer, path, accept_encoding="gzip", if_none_match=headers["etag"])
    assert (status, body, fresh["cache-control"]) == (304, b"", "no-cache")


def test_a_compression_that_failed_is_tried_again(tmp_path: Path) -> None:
    """Its file is not there for a moment, as while a release is put in place."""
    text = b"body { color: teal }\n" * 200
    path, away = tmp_path / "page.css", tmp_path / "page.away"
    path.write_bytes(text)
    packed, found = Packed(), FileResponse(path, stat_result=path.stat())
    scope = {"type": "http", "headers": [(b"accept-encoding", b"gzip")]}
    path.rename(away)
    with pytest.raises(FileNotFoundError):
        anyio.run(packed.of, found, scope)
    away.rename(path)
    answer = anyio.run(packed.of, found, scope)
    assert (answer.headers["content-encoding"], gzip.decompress(bytes(answer.body))) == ("gzip", text)
