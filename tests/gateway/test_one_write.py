"""The head and the body of an answer are written together; a head without a body does not wait for one."""

from __future__ import annotations

import asyncio

import pytest

from gateway.transport.one_write import LARGE, OneWrite
from tests.support.wire import Wire

pytestmark = pytest.mark.anyio


async def test_head_and_body_go_out_together():
    wire = Wire()
    answer = OneWrite(wire, asyncio.get_running_loop())
    answer.write(b"head ")
    assert wire.sent == []
    answer.write(b"body")
    assert wire.sent == [b"head body"]
    await asyncio.sleep(0)
    answer.write(b" more")
    assert wire.sent == [b"head body", b" more"]


async def test_a_large_body_goes_out_by_itself():
    wire = Wire()
    answer = OneWrite(wire, asyncio.get_running_loop())
    body = bytes(LARGE + 1)
    answer.write(b"head")
    answer.write(body)
    assert wire.sent == [b"head", body]
    await asyncio.sleep(0)
    assert wire.sent == [b"head", body]


async def test_a_head_alone_goes_out_when_the_loop_turns():
    wire = Wire()
    answer = OneWrite(wire, asyncio.get_running_loop())
    answer.write(b"head")
    await asyncio.sleep(0)
    assert wire.sent == [b"head"]
    answer.write(b"event")
    assert wire.sent == [b"head", b"event"]


async def test_what_is_closed_was_written_before():
    wire = Wire()
    answer = OneWrite(wire, asyncio.get_running_loop())
    answer.write(b"head")
    answer.close()
    assert (wire.sent, wire.closed, answer.is_closing()) == ([b"head"], True, True)
    await asyncio.sleep(0)
    assert wire.sent == [b"head"]
