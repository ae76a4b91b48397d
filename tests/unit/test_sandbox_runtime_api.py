"""The Lambda Runtime API keeps every invocation until a runtime has it."""

import asyncio
import re

import pytest

from sandbox.executor.runtime_api import PREFIX, Answer, Delivery, RuntimeApi
from sandbox.executor.runtime_connection import HEAD_LIMIT

NEXT = f"GET {PREFIX}invocation/next HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


async def connected(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET /nothing HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    assert b"404" in await reader.readuntil(b"\r\n\r\n")
    await reader.readuntil(b"}")
    return reader, writer


async def the_invocation_after_a_hang_up() -> bytes:
    api = RuntimeApi()
    address = await api.open()
    _, leaves = await connected(address)
    leaves.write(NEXT)
    leaves.transport.abort()
    # At once: the server has read neither the request nor its end.
    api.deliver(Delivery("first", {}, b"payload"))
    reader, stays = await connected(address)
    stays.write(NEXT)
    try:
        async with asyncio.timeout(5):
            return (await reader.readuntil(b"payload"))[-7:]
    finally:
        stays.close()
        api.close()


def test_an_invocation_does_not_go_to_who_asked_and_hung_up_in_the_same_instant():
    for _ in range(20):
        assert asyncio.run(the_invocation_after_a_hang_up()) == b"payload"


async def answers_of_a_runtime_that_ends() -> list[Answer]:
    api = RuntimeApi()
    reader, runtime = await connected(await api.open())
    runtime.write(NEXT)
    under_way, too_late = (Delivery(name, {}, b"payload") for name in ("under way", "too late"))
    api.deliver(under_way)
    await reader.readuntil(b"payload")
    api.close()
    api.deliver(too_late)
    runtime.close()
    async with asyncio.timeout(5):
        return [await api.initialized, await under_way.answer, await too_late.answer]


def test_an_invocation_does_not_wait_for_a_runtime_that_has_ended():
    assert asyncio.run(answers_of_a_runtime_that_ends()) == [(False, b""), None, None]


async def what_comes_back(sent: bytes) -> bytes:
    api = RuntimeApi()
    reader, client = await connected(await api.open())
    client.write(sent)
    async with asyncio.timeout(5):
        came = await reader.read()
    client.close()
    api.close()
    return came


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"no HTTP at all\r\n\r\n", b""),
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHuge: " + HEAD_LIMIT * b"x", b""),
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://localhost\r\n\r\n", b"HTTP/1.1 403 Forbidden"),
        (b"GET / HTTP/1.1\r\nHost: elsewhere.test\r\n\r\n", b"HTTP/1.1 403 Forbidden"),
    ],
    ids=["no HTTP", "endless head", "browser", "foreign host"],
)
def test_the_connection_ends_for_what_is_no_runtime(sent: bytes, status: bytes):
    assert asyncio.run(what_comes_back(sent)).partition(b"\r\n")[0] == status


async def answers_to_requests_in_one_go() -> bytes:
    api = RuntimeApi()
    reader, client = await connected(await api.open())
    post = f"POST {PREFIX}invocation/one/response HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n\r\n42".encode()
    first, second = Delivery("one", {}, b"first"), Delivery("two", {}, b"second")
    api.deliver(first)
    client.write(NEXT + post + post + NEXT)
    try:
        async with asyncio.timeout(5):
            assert await first.answer == (False, b"42")
            api.deliver(second)
            return await reader.readuntil(b"second")
    finally:
        client.close()
        api.close()


def test_requests_that_come_in_one_go_are_answered_in_their_order_and_an_answer_is_taken_once():
    came = asyncio.run(answers_to_requests_in_one_go())
    assert re.findall(rb"HTTP/1.1 (\d+)", came) == [b"200", b"202", b"400", b"200"]
