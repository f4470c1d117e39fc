"""Documents by their hash: trusted ones and those that clients sent, over HTTP and WebSocket."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.documents.persisted import PersistedDocuments, hash_of, load_trusted
from gateway.documents.settings import DocumentSettings, Introspection, Trust
from resolvers.errors import Code, GraphFault
from resolvers.viewer import UNRESTRICTED, Viewer
from tests.support.sandbox import Gateway, Sandbox, api_key, serving_over

QUERY, OTHER = "{ __typename }", "{ other: __typename }"


def by_hash(document: str, **more: Any) -> dict[str, Any]:
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": hash_of(document)}}, **more}


def refused(documents: PersistedDocuments, parameters: dict[str, Any]) -> tuple[str, str]:
    with pytest.raises(GraphFault) as fault:
        documents.resolved(parameters)
    assert fault.value.extensions is not None
    return fault.value.extensions["code"], fault.value.message


def test_a_document_sent_with_its_hash_is_known_by_it_afterwards() -> None:
    documents = PersistedDocuments()
    assert refused(documents, by_hash(QUERY)) == ("NOT_FOUND", "PersistedQueryNotFound")
    assert documents.resolved(by_hash(QUERY, query=QUERY))["query"] == QUERY
    assert documents.resolved(by_hash(QUERY))["query"] == QUERY
    assert documents.resolved({"documentId": f"sha256:{hash_of(QUERY)}"})["query"] == QUERY
    assert refused(documents, by_hash(QUERY, query=OTHER))[0] == Code.BAD_USER_INPUT.value


def test_without_automatic_documents_clients_are_told_so() -> None:
    documents = PersistedDocuments(DocumentSettings(automatic=False))
    documents.resolved(by_hash(QUERY, query=QUERY))
    assert refused(documents, by_hash(QUERY)) == ("BAD_USER_INPUT", "PersistedQueryNotSupported")


def test_trusted_documents_beside_others() -> None:
    documents = PersistedDocuments(DocumentSettings(trusted=Trust.PREFER), {hash_of(QUERY): QUERY})
    assert documents.resolved(by_hash(QUERY))["query"] == QUERY
    assert documents.resolved({"query": OTHER}) == {"query": OTHER}


def test_nothing_but_trusted_documents() -> None:
    documents = PersistedDocuments(DocumentSettings(trusted=Trust.ONLY), {hash_of(QUERY): QUERY})
    assert documents.resolved(by_hash(QUERY))["query"] == QUERY
    assert documents.resolved({"query": QUERY}) == {"query": QUERY}
    for parameters in ({"query": OTHER}, by_hash(OTHER, query=OTHER)):
        assert refused(documents, parameters)[0] == Code.FORBIDDEN.value
    assert refused(documents, by_hash(OTHER))[0] == Code.NOT_FOUND.value


@pytest.mark.parametrize(
    "manifest",
    [
        {hash_of(QUERY): QUERY},
        {f"sha256:{hash_of(QUERY)}": QUERY},
        {
            "format": "apollo-persisted-query-manifest",
            "version": 1,
            "operations": [{"id": hash_of(QUERY), "body": QUERY, "name": "Q", "type": "query"}],
        },
    ],
)
def test_manifests(tmp_path: Path, manifest: dict[str, Any]) -> None:
    file = tmp_path / "manifest.json"
    file.write_text(json.dumps(manifest))
    assert load_trusted(file) == {hash_of(QUERY): QUERY}


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"abc": "{ __typename }"}', '{"a": 1}', '{"operations": [{}]}']
)
def test_manifests_that_cannot_be_used(tmp_path: Path, text: str) -> None:
    file = tmp_path / "manifest.json"
    file.write_text(text)
    with pytest.raises(ValueError):
        load_trusted(file)


def test_a_folder_of_documents(tmp_path: Path) -> None:
    (tmp_path / "widgets").mkdir()
    (tmp_path / "widgets" / "a.graphql").write_text(QUERY)
    (tmp_path / "b.gql").write_text(OTHER)
    (tmp_path / "README.md").write_text("no document")
    assert load_trusted(tmp_path) == {hash_of(QUERY): QUERY, hash_of(OTHER): OTHER}


def test_who_may_read_the_schema() -> None:
    reader = Viewer("a", "a", scopes=frozenset({"schema:read"}))
    nobody = Viewer("b", "b")
    closed = PersistedDocuments()
    assert [closed.may_introspect(each) for each in (reader, UNRESTRICTED, nobody)] == [True, True, False]
    opened = PersistedDocuments(DocumentSettings(introspection=Introspection.EVERYONE))
    assert opened.may_introspect(nobody)


def test_over_http(company: Sandbox) -> None:
    http, url = company.gateway.http, f"{company.gateway.url}/graphql"
    document = "query Persisted { __typename }"
    unknown = http.post(url, json=by_hash(document))
    (error,) = unknown.json()["errors"]
    assert (error["message"], error["extensions"]["code"]) == ("PersistedQueryNotFound", "NOT_FOUND")
    assert http.post(url, json=by_hash(document, query=document)).json() == {"data": {"__typename": "Query"}}
    for answer in (
        http.post(url, json=by_hash(document)),
        http.get(url, params={"extensions": json.dumps(by_hash(document)["extensions"])}),
        http.get(url, params={"documentId": f"sha256:{hash_of(document)}"}),
    ):
        assert answer.json() == {"data": {"__typename": "Query"}}
        assert answer.headers["cache-control"] == "no-store"


def test_the_schema_is_for_who_may_read_it(plain: Gateway) -> None:
    key = api_key(plain.errors.parent / "fieldgate.yaml", "support")
    headers = {"authorization": f"Bearer {key}"}

    def error(document: str, **options: Any) -> dict[str, Any]:
        answer = plain.http.post(f"{plain.url}/graphql", json={"query": document}, **options).json()
        (found,) = answer["errors"]
        return found

    for document in (
        "{ __schema { types { name } } }",
        '{ ...F } fragment F on Query { __type(name: "X") { name } }',
    ):
        assert error(document, headers=headers)["extensions"]["code"] == "FORBIDDEN"
    assert plain.data("{ __schema { queryType { name } } }") == {"__schema": {"queryType": {"name": "Query"}}}
    wrong = "{ custmers { nodes { id } } }"
    assert "Did you mean" in error(wrong)["message"]
    assert error(wrong, headers=headers)["message"] == "Cannot query field 'custmers' on type 'Query'."


def test_a_gateway_of_trusted_documents_runs_nothing_else(company: Sandbox, tmp_path: Path) -> None:
    trusted = "query Mine { customers(first: 1) { nodes { id } } }"
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "mine.graphql").write_text(trusted)
    sections = {"documents": {"trusted": "only", "path": "documents"}}
    with serving_over(company.emulators.urls, tmp_path, sections=sections) as gateway:
        company.emulators.clear()
        url = f"{gateway.url}/graphql"
        for refused_one in ({"query": QUERY}, by_hash(OTHER, query=OTHER)):
            (error,) = gateway.http.post(url, json=refused_one).json()["errors"]
            assert error["extensions"]["code"] == "FORBIDDEN"
        assert company.emulators.counts() == {}
        answer = gateway.http.post(url, json=by_hash(trusted)).json()
        assert len(answer["data"]["customers"]["nodes"]) == 1
