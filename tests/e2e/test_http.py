"""What clients of HTTP/1.1 may do on a connection to the engine, whether boto3 does it or another."""

import gzip
import http.client
import json
import os
import re
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sandbox.state import Sandbox

HEALTH = b"GET /_rollcall/health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
TOO_LONG = 131_073
FAULTS = "/_rollcall/faults"


@pytest.fixture
def connection(sandbox: Sandbox) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", sandbox.port), timeout=10) as opened:
        yield opened


def read_answer(connection: socket.socket) -> tuple[int, bytes]:
    """Status and body of the next answer."""
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    return answer.status, answer.read()


def test_a_client_that_waits_before_it_sends_the_body_is_told_to_go_on(connection: socket.socket):
    body = b'{"seed": 7, "faults": []}'
    head = f"PUT {FAULTS} HTTP/1.1\r\nHost: 127.0.0.1\r\nExpect: 100-continue\r\nContent-Length: {len(body)}\r\n\r\n"
    connection.sendall(head.encode())
    assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
    connection.sendall(body)
    assert read_answer(connection)[0] == 200


def test_requests_that_come_together_are_answered_in_their_order(connection: socket.socket):
    connection.sendall(HEALTH + HEALTH.replace(b"health", b"nothing") + HEALTH)
    connection.shutdown(socket.SHUT_WR)
    with connection.makefile("rb") as answers:
        assert re.findall(rb"HTTP/1.1 (\d+)", answers.read()) == [b"200", b"404", b"200"]


def test_a_request_that_comes_byte_by_byte_is_answered(connection: socket.socket):
    for byte in HEALTH:
        connection.sendall(bytes([byte]))
    assert read_answer(connection)[0] == 200


def test_a_body_in_chunks_arrives_whole(sandbox: Sandbox, aws: Callable[[str], Any]):
    aws("s3").create_bucket(Bucket="in-chunks")
    parts = [os.urandom(100_000) for _ in range(30)]
    client = http.client.HTTPConnection("127.0.0.1", sandbox.port, timeout=10)
    client.request("PUT", "/in-chunks/object", iter(parts), encode_chunked=True)
    assert client.getresponse().status == 200
    assert aws("s3").get_object(Bucket="in-chunks", Key="object")["Body"].read() == b"".join(parts)


def test_a_zipped_body_is_unzipped(sandbox: Sandbox):
    client = http.client.HTTPConnection("127.0.0.1", sandbox.port, timeout=10)
    plan = json.dumps({"seed": 11, "faults": []}).encode()
    client.request("PUT", FAULTS, gzip.compress(plan), {"Content-Encoding": "gzip"})
    answer = client.getresponse()
    assert (answer.status, json.loads(answer.read())["seed"]) == (200, 11)
    client.request("DELETE", FAULTS)


def test_a_key_keeps_its_odd_characters(aws: Callable[[str], Any]):
    aws("s3").create_bucket(Bucket="odd-keys")
    for key in ("a b", "ä/ö", "//double", "per%20cent", "plus+and&more?=#"):
        aws("s3").put_object(Bucket="odd-keys", Key=key, Body=key.encode(), Metadata={"Mixed-Case": "Kept"})
        answer = aws("s3").get_object(Bucket="odd-keys", Key=key)
        assert (answer["Body"].read().decode(), answer["Metadata"]) == (key, {"mixed-case": "Kept"})


def test_head_has_the_length_and_no_body(connection: socket.socket):
    connection.sendall(HEALTH.replace(b"GET", b"HEAD").replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    with connection.makefile("rb") as answer:
        head, ending, body = answer.read().partition(b"\r\n\r\n")
    assert (b"\r\nContent-Length: 26" in head, ending, body) == (True, b"\r\n\r\n", b"")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"no request at all\r\n\r\n", 400),
        (HEALTH.replace(b"\r\n\r\n", b"\r\nContent-Length: x\r\n\r\n"), 400),
        (HEALTH.replace(b"\r\n\r\n", b"\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"), 400),
        ((HEALTH[:-2] + b"X: ").ljust(TOO_LONG, b"x"), 431),
        (b"GET /".ljust(TOO_LONG, b"x"), 431),
    ],
    ids=["words", "length", "two lengths", "a long header", "a long path"],
)
def test_what_is_no_request_is_refused_and_ends_the_connection(connection: socket.socket, request_: bytes, status: int):
    connection.sendall(request_)
    assert read_answer(connection)[0] == status
    assert connection.recv(1) == b""
