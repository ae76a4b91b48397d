"""The Lambda Runtime API keeps every invocation until a runtime has it."""

import asyncio
import errno
import re

import pytest

from sandbox.executor import runtime_connection
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


async def another_connection_beside_a_client_that_reads_no_answers() -> None:
    api = RuntimeApi()
    address = await api.open()
    _, floods = await connected(address)
    floods.write(b"GET /nothing HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 500_000)
    try:
        # Until its answers fill the buffers, it is served as everyone is.
        for _ in range(100):
            async with asyncio.timeout(5):
                _, other = await connected(address)
            other.close()
        assert floods.transport.get_write_buffer_size() > 0
    finally:
        floods.transport.abort()
        api.close()


def test_who_reads_no_answers_is_not_read_any_more():
    asyncio.run(another_connection_beside_a_client_that_reads_no_answers())


def test_a_connection_whose_owner_cannot_be_found_is_closed(monkeypatch: pytest.MonkeyPatch):
    def no_descriptor_left(*_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(runtime_connection, "connection_owner", no_descriptor_left)
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        asyncio.run(what_comes_back(b""))
