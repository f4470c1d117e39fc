"""The Pub/Sub API's messages and calls, held against Salesforce's own .proto; and life without the extra."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.salesforce.emulator.sessions import CLIENT_ID, CLIENT_SECRET, ORGANIZATION_ID, Sessions
from tests.adapters.salesforce.conftest import Sandbox, sandbox_of

pytest.importorskip("grpc", reason="the extra salesforce-events is not installed")

import grpc
import grpc.aio
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from adapters.salesforce import pubsub
from adapters.salesforce.emulator.pubsub import serve

ROOT = Path(__file__).parents[3]
PROTO = ROOT.parent / "shared" / "vendors" / "specs" / "salesforce" / "pubsub_api.proto"


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> descriptor_pb2.FileDescriptorProto:
    """Salesforce's contract, compiled."""
    if not PROTO.exists():
        pytest.skip("the shared pubsub_api.proto is not at hand")
    protoc = pytest.importorskip("grpc_tools.protoc", reason="grpcio-tools is not installed")
    out = tmp_path_factory.mktemp("proto") / "set.bin"
    assert protoc.main(["protoc", f"-I{PROTO.parent}", f"--descriptor_set_out={out}", str(PROTO)]) == 0
    (file,) = descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes()).file
    return file


def test_every_field_of_every_message_is_theirs(theirs: descriptor_pb2.FileDescriptorProto) -> None:
    ours = pubsub.file_descriptor()
    assert ours.package == theirs.package
    assert ours.syntax == theirs.syntax
    known = {message.name: message for message in theirs.message_type}
    for message in ours.message_type:
        fields = {field.name: _shape(field) for field in message.field}
        assert fields == {field.name: _shape(field) for field in known[message.name].field}, message.name
    enums = {enum.name: {value.name: value.number for value in enum.value} for enum in theirs.enum_type}
    for enum in ours.enum_type:
        assert {value.name: value.number for value in enum.value} == enums[enum.name]


def _shape(field: Any) -> tuple[Any, ...]:
    return field.number, field.type, field.label, field.type_name, field.proto3_optional


def test_the_calls_take_and_give_what_theirs_do(theirs: descriptor_pb2.FileDescriptorProto) -> None:
    (service,) = theirs.service
    assert f"{theirs.package}.{service.name}" == pubsub.SERVICE
    calls = {
        method.name: (
            method.input_type.rpartition(".")[2],
            method.output_type.rpartition(".")[2],
            method.client_streaming,
            method.server_streaming,
        )
        for method in service.method
    }
    assert calls["Subscribe"] == ("FetchRequest", "FetchResponse", True, True)
    assert calls["GetSchema"] == ("SchemaRequest", "SchemaInfo", False, False)
    assert calls["GetTopic"] == ("TopicRequest", "TopicInfo", False, False)


class Theirs:
    """A client made of Salesforce's contract alone, without a line of the adapter's."""

    def __init__(self, file: descriptor_pb2.FileDescriptorProto, channel: Any, token: str) -> None:
        pool = descriptor_pool.DescriptorPool()
        pool.Add(file)
        self._pool = pool
        self._channel = channel
        self.metadata = (
            ("accesstoken", token),
            ("instanceurl", "https://acme.my.salesforce.com"),
            ("tenantid", ORGANIZATION_ID),
        )

    def message(self, name: str) -> Any:
        found = self._pool.FindMessageTypeByName(f"eventbus.v1.{name}")
        return message_factory.GetMessageClass(found)

    def unary(self, name: str, request: str, response: str) -> Any:
        return self._channel.unary_unary(
            f"/eventbus.v1.PubSub/{name}",
            request_serializer=self.message(request).SerializeToString,
            response_deserializer=self.message(response).FromString,
        )

    def subscribe(self) -> Any:
        return self._channel.stream_stream(
            "/eventbus.v1.PubSub/Subscribe",
            request_serializer=self.message("FetchRequest").SerializeToString,
            response_deserializer=self.message("FetchResponse").FromString,
        )(metadata=self.metadata)


@pytest.fixture
def org() -> Iterator[Sandbox]:
    with sandbox_of() as sandbox:
        yield sandbox


def token_of(org: Sandbox) -> str:
    form = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    _, body = Sessions(org.store, 600).grant(form, "", org.base_url)
    return str(body["access_token"])


@pytest.mark.anyio
async def test_a_client_of_their_contract_is_served(
    theirs: descriptor_pb2.FileDescriptorProto, org: Sandbox
) -> None:
    async with serve(org.store) as endpoint, grpc.aio.insecure_channel(endpoint) as channel:
        client = Theirs(theirs, channel, token_of(org))
        topic = await client.unary("GetTopic", "TopicRequest", "TopicInfo")(
            client.message("TopicRequest")(topic_name="/data/AccountChangeEvent"), metadata=client.metadata
        )
        assert topic.can_subscribe
        assert topic.tenant_guid == ORGANIZATION_ID
        schema = await client.unary("GetSchema", "SchemaRequest", "SchemaInfo")(
            client.message("SchemaRequest")(schema_id=topic.schema_id), metadata=client.metadata
        )
        assert '"AccountChangeEvent"' in schema.schema_json
        for number in range(3):
            org.store.execute(
                "UPDATE salesforce_account SET Industry = ? WHERE Id = ?",
                (f"Trade {number}", org.world.customers[0].crm_id),
            )
        request = client.message("FetchRequest")
        call = client.subscribe()
        # Flow control: two of three events, and the third when it is asked for.
        await call.write(
            request(topic_name="/data/AccountChangeEvent", replay_preset="EARLIEST", num_requested=2)
        )
        async with asyncio.timeout(20):
            first = await call.read()
            assert (len(first.events), first.pending_num_requested) == (2, 0)
            assert first.latest_replay_id == first.events[-1].replay_id
            await call.write(request(num_requested=5))
            second = await call.read()
            assert (len(second.events), second.pending_num_requested) == (1, 4)
        call.cancel()
        again = client.subscribe()
        await again.write(
            request(
                topic_name="/data/AccountChangeEvent",
                replay_preset="CUSTOM",
                replay_id=first.events[0].replay_id,
                num_requested=9,
            )
        )
        async with asyncio.timeout(20):
            replayed = await again.read()
        assert [each.event.id for each in replayed.events] == [
            first.events[1].event.id,
            second.events[0].event.id,
        ]
        again.cancel()


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("asked", "later", "status", "code"),
    [
        ({"replay_preset": "CUSTOM"}, None, "INVALID_ARGUMENT", "fetch.replayid.validation.failed"),
        (
            {"replay_preset": "CUSTOM", "replay_id": b"\0" * 8},
            None,
            "INVALID_ARGUMENT",
            "fetch.replayid.corrupted",
        ),
        ({"num_requested": 0}, None, "INVALID_ARGUMENT", "fetch.requested.events.invalid"),
        ({"topic_name": "/data/No"}, None, "NOT_FOUND", "topic.not.found"),
        ({}, {"topic_name": "/data/ChangeEvents", "num_requested": 1}, "INVALID_ARGUMENT", "topic.mismatch"),
    ],
)
async def test_what_the_contract_forbids_is_refused(
    theirs: descriptor_pb2.FileDescriptorProto,
    org: Sandbox,
    asked: dict[str, Any],
    later: dict[str, Any] | None,
    status: str,
    code: str,
) -> None:
    async with serve(org.store) as endpoint, grpc.aio.insecure_channel(endpoint) as channel:
        client = Theirs(theirs, channel, token_of(org))
        request = client.message("FetchRequest")
        call = client.subscribe()
        await call.write(request(**{"topic_name": "/data/AccountChangeEvent", "num_requested": 1, **asked}))
        if later is not None:
            await call.write(request(**later))
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call.read()
        assert refused.value.code() is grpc.StatusCode[status]
        trailers = dict(refused.value.trailing_metadata() or ())
        assert str(trailers["error-code"]).startswith("sfdc.platform.eventbus.grpc.")
        assert str(trailers["error-code"]).endswith(code)


@pytest.mark.anyio
@pytest.mark.parametrize("wrong", ["accesstoken", "instanceurl", "tenantid"])
async def test_every_part_of_the_credentials_counts(
    theirs: descriptor_pb2.FileDescriptorProto, org: Sandbox, wrong: str
) -> None:
    async with serve(org.store) as endpoint, grpc.aio.insecure_channel(endpoint) as channel:
        client = Theirs(theirs, channel, token_of(org))
        get_topic = client.unary("GetTopic", "TopicRequest", "TopicInfo")
        request = client.message("TopicRequest")(topic_name="/data/AccountChangeEvent")
        metadata = tuple((key, "wrong" if key == wrong else value) for key, value in client.metadata)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await get_topic(request, metadata=metadata)
        assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_bitmaps_name_the_fields_of_the_schema() -> None:
    schema = pubsub.Schema(None, ("ChangeEventHeader", "Name", "Industry", "Phone"))
    assert schema.fields_in(["0x06"]) == {"Name", "Industry"}
    assert schema.fields_in(["0x8", "2-0x01"]) == {"Phone"}
    assert schema.fields_in([]) == frozenset()


def test_without_the_extra_the_hint_says_what_to_install() -> None:
    """In a process of its own, where the packages cannot be imported."""
    program = """
        import asyncio, sqlite3, sys
        for name in ("grpc", "grpc.aio", "fastavro", "google.protobuf"):
            sys.modules[name] = None
        from adapters.salesforce.emulator import EMULATOR
        from adapters.salesforce.manifest import MANIFEST

        def connect(**more):
            base = {"base_url": "https://a.example", "client_id": "a", "client_secret": "b"}
            return MANIFEST.connect("crm", MANIFEST.settings.model_validate({**base, **more}))

        async def beside():
            async with EMULATOR.beside(sqlite3.connect(":memory:")) as settings:
                return settings

        assert connect().events is None
        assert asyncio.run(beside()) == {}
        try:
            connect(organization_id="00D000000000001")
        except ValueError as error:
            print(error)
    """
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "pip install 'fieldgate[salesforce-events]'" in ran.stdout
