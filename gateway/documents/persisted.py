"""From a hash to its document: trusted ones, which were there from the start, and those that clients sent.

A hash is given as ``documentId`` (``sha256:…`` or bare), as in GraphQL over HTTP's appendix of persisted
documents, or as ``extensions.persistedQuery.sha256Hash``, as Apollo's clients and urql do:
https://www.apollographql.com/docs/apollo-server/performance/apq
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import orjson
from cachetools import LRUCache

from gateway.documents.settings import DocumentSettings, Introspection, Trust
from resolvers.errors import Code, GraphFault
from resolvers.viewer import EVERY_SCOPE, Viewer

KEPT_CHARACTERS = 2_000_000
"""Of all documents that clients sent with their hash."""

SCHEMA_READ = "schema:read"
_SUFFIXES = frozenset({".graphql", ".gql"})


def hash_of(document: str) -> str:
    """SHA-256 of the document's UTF-8, in hexadecimal."""
    return hashlib.sha256(document.encode("utf-8", "surrogatepass")).hexdigest()


def load_trusted(path: Path) -> dict[str, str]:
    """Documents by hash, from a folder or a manifest. Raises ``ValueError``, which says what is wrong."""
    try:
        if path.is_dir():
            files = sorted(each for each in path.rglob("*") if each.suffix in _SUFFIXES)
            return {hash_of(text): text for text in (each.read_text(encoding="utf-8") for each in files)}
        return _of_manifest(orjson.loads(path.read_bytes()))
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, orjson.JSONDecodeError) as error:
        raise ValueError(f"{path} is not UTF-8 text, or no JSON") from error


def _of_manifest(manifest: Any) -> dict[str, str]:
    entries = cast(dict[str, Any], manifest) if isinstance(manifest, dict) else {}
    listed: Any = entries.get("operations")
    pairs: list[tuple[Any, Any]] = list(entries.items())
    if isinstance(listed, list):
        operations = [
            cast(dict[str, Any], each) for each in cast(list[Any], listed) if isinstance(each, dict)
        ]
        pairs = [(each.get("id"), each.get("body")) for each in operations]
    found: dict[str, str] = {}
    for key, text in pairs:
        if not isinstance(key, str) or not isinstance(text, str):
            raise ValueError("the manifest holds something else than texts by hash")
        digest = key.removeprefix("sha256:")
        if digest != hash_of(text):
            raise ValueError(f"{digest[:80]} is not the SHA-256 hash of its document")
        found[digest] = text
    if not found:
        raise ValueError("the manifest holds no document")
    return found


class PersistedDocuments:
    """Finds the document of a request."""

    def __init__(self, settings: DocumentSettings | None = None, trusted: Mapping[str, str] | None = None):
        self._settings = settings or DocumentSettings()
        self._everyone = self._settings.introspection is Introspection.EVERYONE
        self._trusted = trusted or {}
        self._only = self._settings.trusted is Trust.ONLY
        self._sent: LRUCache[str, str] = LRUCache(KEPT_CHARACTERS, getsizeof=len)

    def may_introspect(self, viewer: Viewer) -> bool:
        """Whether a viewer may read the schema."""
        return self._everyone or SCHEMA_READ in viewer.scopes or EVERY_SCOPE in viewer.scopes

    def resolved(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """The parameters with their document. Raises ``GraphFault`` where none may be executed."""
        names_one = "extensions" in parameters or "documentId" in parameters
        given = _hash_in(parameters) if names_one else None
        if given is None and not self._only:
            return parameters
        query: str | None = parameters.get("query")
        if query is None:
            assert given is not None
            return {**parameters, "query": self._found(given)}
        digest = hash_of(query)
        if given is not None and given != digest:
            raise GraphFault(Code.BAD_USER_INPUT, "The hash is not the SHA-256 hash of the document")
        if self._only:
            if digest not in self._trusted:
                raise GraphFault(Code.FORBIDDEN, "Only trusted documents are executed here")
        elif self._settings.automatic and len(query) <= KEPT_CHARACTERS:
            self._sent[digest] = query
        return parameters

    def _found(self, digest: str) -> str:
        found = self._trusted.get(digest) or self._sent.get(digest)
        if found is not None:
            return found
        # Clients go by these two messages.
        if self._settings.automatic or self._trusted:
            raise GraphFault(Code.NOT_FOUND, "PersistedQueryNotFound")
        raise GraphFault(Code.BAD_USER_INPUT, "PersistedQueryNotSupported")


def _hash_in(parameters: Mapping[str, Any]) -> str | None:
    named: Any = parameters.get("documentId")
    extensions: Mapping[str, Any] | None = parameters.get("extensions")
    if named is None and extensions:
        persisted: Any = extensions.get("persistedQuery")
        named = cast(dict[str, Any], persisted).get("sha256Hash") if isinstance(persisted, dict) else None
    return named.removeprefix("sha256:").lower() if isinstance(named, str) else None
