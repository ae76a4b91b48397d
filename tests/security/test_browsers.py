"""No web page gets anything from the sandbox, whatever it makes a browser send.

The rows are those of the attack that ran code on a developer's machine. Each is sent twice: with what a browser adds,
or under the attacker's host name, and once without, when it must work: a refusal proves nothing about a request that
would have failed anyway.
"""

import base64
import http.client
import io
import json
import subprocess
import uuid
import zipfile
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest

from sandbox.state import Sandbox
from tests.security.requests import Request, form, send

EVIL = "http://evil.example"
FORM = ("Content-Type", "application/x-www-form-urlencoded")
PAGE = (("Origin", EVIL), ("Referer", f"{EVIL}/"), ("Sec-Fetch-Site", "cross-site"))
CHROME = ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0")
MARKS: dict[str, tuple[tuple[str, str], ...]] = {
    "a page's fetch": PAGE,
    "Origin": (("Origin", EVIL),),
    "Origin of a sandboxed frame": (("Origin", "null"),),
    "an empty Origin": (("Origin", ""),),
    "Origin of a page of the engine itself": (("Origin", "http://localhost:4566"),),
    "Referer": (("referer", f"{EVIL}/page"),),
    "a link in a mail": (("Sec-Fetch-Site", "none"), ("Sec-Fetch-Mode", "navigate")),
    "Sec-Fetch-Mode": (("SEC-FETCH-MODE", "no-cors"),),
    "client hints": (("Sec-CH-UA-Platform", '"Linux"'),),
    "a prefetch": (("Sec-Purpose", "prefetch"),),
    "a navigation": (("Upgrade-Insecure-Requests", "1"),),
    "Chrome": (CHROME,),
    "Safari without Sec-Fetch": (
        ("User-Agent", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/17.4 Safari"),
    ),
    "Firefox": (("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0"),),
    "an old Opera": (("User-Agent", "Opera/9.80 (X11; Linux i686) Presto/2.12.388 Version/12.16"),),
    "a text browser": (("User-Agent", "Lynx/2.9.0 libwww-FM/2.14"),),
    "a WebSocket": (("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Key", "x" * 24)),
}
FOREIGN_HOSTS = [
    "evil.example:{port}",
    "evil.example",
    "x.execute-api.evil.example:{port}",
    "a.s3.evil.example:{port}",
    "a.s3-website.evil.example",
    "127.0.0.1.evil.example:{port}",
    "localhost.evil.example",
    "evillocalhost",
    "localhost.localstack.cloud:{port}",
    "s3.localhost.localstack.cloud:{port}",
    "0.0.0.0:{port}",
    "169.254.169.254",
    "127.0.0.1:{port}@evil.example",
    "evil.example#127.0.0.1",
    "127.0.0.1, evil.example",
    "localhost.",
    "[::2]:{port}",
    "",
]

type Call = Callable[[], Request]


def by_get(action: str, **parameters: str) -> Request:
    return Request(target=f"/?{urlencode({'Action': action, **parameters})}")


def by_form(target: str, action: str, **parameters: str) -> Request:
    return Request("POST", target, (FORM,), urlencode({"Action": action, **parameters}))


def by_text(target: str, body: dict[str, Any]) -> Request:
    return Request("POST", target, (("Content-Type", "text/plain"),), json.dumps(body))


def zipped(name: str, code: str) -> str:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(name, code)
    return base64.b64encode(packed.getvalue()).decode()


TEMPLATE = json.dumps({"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}})
FUNCTION = {
    "FunctionName": f"attack-{uuid.uuid4().hex[:8]}",
    "Runtime": "python3.13",
    "Handler": "code.handler",
    "Role": "arn:aws:iam::000000000000:role/attack",
    "Code": {"ZipFile": zipped("code.py", "def handler(event, context): pass")},
}
# Row of the attack: a request that does something, when nobody refuses it.
ROWS: dict[str, Request] = {
    "A: a stack by GET": by_get("CreateStack", StackName=f"attack-{uuid.uuid4().hex[:8]}", TemplateBody=TEMPLATE),
    "B: a form to a path of API Gateway's": by_form("/_aws/execute-api/x", "CreateQueue", QueueName="attack-b"),
    "C: JSON as text": by_text("/2015-03-31/functions", FUNCTION),
    "D: the engine's own health": by_text("/_localstack/health", {"action": "none"}),
    "E: an HTML page into a bucket": Request(
        "POST",
        "/attack-bucket",
        (("Content-Type", "multipart/form-data; boundary=rollcall"),),
        form([("key", "page.html"), ("Content-Type", "text/html"), ("file", "<script>alert(1)</script>")]),
    ),
    "F: reading by GET": Request(target="/_rollcall/meter"),
    "G: the sandbox's own PUT": Request("PUT", "/_rollcall/faults", body=json.dumps({"seed": 1, "faults": []})),
    "G: the sandbox's own DELETE": Request("DELETE", "/_rollcall/faults"),
    "G: the sandbox's own POST": Request("POST", "/_rollcall/clock", body=json.dumps({"advanceSeconds": 1})),
    "G: an SQS call in JSON": Request(
        "POST",
        "/",
        (("Content-Type", "application/x-amz-json-1.0"), ("X-Amz-Target", "AmazonSQS.CreateQueue")),
        json.dumps({"QueueName": "attack-g"}),
    ),
    "a message by GET": by_get("ListQueues"),
    "the queue's messages": Request(target="/_aws/sqs/messages?QueueUrl=http://127.0.0.1/000000000000/attack"),
    "the engine's configuration": Request(target="/_localstack/health"),
    "nothing at all": Request(target="/"),
}
PREFLIGHT = (("Origin", EVIL), ("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", "x"))


@pytest.fixture(scope="module", autouse=True)
def bucket(aws: Callable[[str], Any]) -> None:
    aws("s3").create_bucket(Bucket="attack-bucket")
    aws("sqs").create_queue(QueueName="attack")


def assert_refused(sandbox: Sandbox, *requests: Request, tls: bool = False) -> None:
    for request, answer in zip(requests, send(sandbox.port, *requests, tls=tls), strict=True):
        assert answer.status == 403, (request, answer)
        assert answer.text.startswith("The sandbox "), "LocalStack answered, and not the guard before it"


@pytest.mark.parametrize("row", ROWS)
def test_every_request_of_the_attack_works_for_a_client_and_is_refused_from_a_browser(sandbox: Sandbox, row: str):
    request = ROWS[row]
    assert_refused(
        sandbox,
        request.with_headers(*PAGE),
        request.with_headers(("Referer", EVIL)),
        request.with_headers(("Sec-Fetch-Site", "cross-site")),
        request.with_headers(CHROME),
        *(replace(request, host=host).with_headers(*page) for host in FOREIGN_HOSTS[:5] for page in ((), PAGE)),
        replace(request, method="OPTIONS").with_headers(*PREFLIGHT),
    )
    [lawful] = send(sandbox.port, request)
    assert 200 <= lawful.status < 300, lawful


def test_what_a_browser_asked_for_was_not_done(sandbox: Sandbox, aws: Callable[[str], Any]):
    create = by_form("/_aws/execute-api/x", "CreateQueue", QueueName="attack-undone")
    assert_refused(sandbox, create.with_headers(*PAGE), replace(create, host="x.execute-api.evil.example"))
    assert "QueueUrls" not in aws("sqs").list_queues(QueueNamePrefix="attack-undone")
    send(sandbox.port, create)
    assert len(aws("sqs").list_queues(QueueNamePrefix="attack-undone")["QueueUrls"]) == 1


@pytest.mark.parametrize("mark", MARKS)
def test_one_mark_of_a_browser_is_enough(sandbox: Sandbox, mark: str):
    for request in (by_get("ListQueues"), Request(target="/_rollcall/health"), Request(target="/_localstack/health")):
        assert_refused(sandbox, request.with_headers(*MARKS[mark]))
        assert send(sandbox.port, request)[0].status == 200


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
def test_a_foreign_host_is_refused(sandbox: Sandbox, host: str):
    for request in (by_get("ListQueues"), Request(target="/_rollcall/health")):
        assert_refused(sandbox, replace(request, host=host))


@pytest.mark.parametrize(
    "host", ["127.0.0.1:{port}", "127.0.0.1", "localhost:{port}", "LOCALHOST", "b.s3.localhost:{port}", "[::1]:{port}"]
)
def test_this_machines_own_names_are_answered(sandbox: Sandbox, host: str):
    assert send(sandbox.port, Request(target="/_rollcall/health", host=host))[0].status == 200


def test_a_second_host_or_a_whole_url_does_not_help(sandbox: Sandbox):
    health = Request(target="/_rollcall/health")
    assert_refused(
        sandbox,
        health.with_headers(("Host", "evil.example")),
        health.with_headers(("host", "127.0.0.1")),
        replace(health, target="http://evil.example/_rollcall/health"),
        replace(health, target="http://127.0.0.1/_rollcall/health"),
        replace(health, method="OPTIONS", target="*"),
    )


def test_tls_on_the_same_port_is_guarded_too(sandbox: Sandbox):
    health = Request(target="/_rollcall/health")
    assert_refused(sandbox, health.with_headers(*PAGE), replace(health, host="evil.example"), tls=True)
    assert send(sandbox.port, health, tls=True)[0].status == 200


def test_a_client_that_offers_http_2_is_answered_in_http_1_and_guarded_too(sandbox: Sandbox):
    def curl(*words: str) -> str:
        command = ["curl", "--silent", "--write-out", "%{http_code} %{http_version}", "--output", "/dev/null"]
        return subprocess.run(
            [*command, *words, f"{sandbox.endpoint}/_rollcall/health"], capture_output=True, text=True
        ).stdout

    assert curl("--http2") == "200 1.1"
    assert curl("--http2", "--data", "x" * 100_000, "--request", "POST") == "405 1.1"
    assert curl("--http2", "--header", f"Origin: {EVIL}") == curl("--http2", "--header", "Host: evil") == "403 1.1"
    assert curl("--http2-prior-knowledge") == "000 0"


def test_a_later_request_of_a_connection_is_judged_by_itself(sandbox: Sandbox):
    connection = http.client.HTTPConnection("127.0.0.1", sandbox.port, timeout=10)
    statuses = []
    for headers in ({}, {"Origin": EVIL}, {}, {"Host": "evil.example"}):
        connection.request("GET", "/_rollcall/health", headers=headers)
        answer = connection.getresponse()
        answer.read()
        statuses.append(answer.status)
    assert statuses == [200, 403, 200, 403]


def test_a_large_upload_of_a_page_is_read_to_its_end_and_refused(sandbox: Sandbox):
    assert_refused(sandbox, Request("POST", "/attack-bucket/large", PAGE, "x" * 20_000_000))
