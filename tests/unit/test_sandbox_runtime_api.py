"""The Lambda Runtime API keeps every invocation until a runtime has it."""

import asyncio

from sandbox.executor.runtime_api import PREFIX, Delivery, RuntimeApi

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
