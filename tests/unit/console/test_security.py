"""Only a browser that has come with the token, on a page of the console, gets anything or does anything."""

import asyncio
from typing import Any

import pytest
from starlette.responses import PlainTextResponse

from rollcall.console.security import HEADERS, Guard, new_token

PORT = 4610
TOKEN = new_token()
COOKIE = f"rollcall-console-{PORT}={TOKEN}"
OWN = f"127.0.0.1:{PORT}"


def asked(
    path: str = "/batches", method: str = "GET", query: str = "", scheme: str = "http", **headers: str | list[str]
) -> dict[str, Any]:
    """The status, the headers and the body of the answer to a request."""
    given = {"host": OWN, **{name.replace("_", "-"): value for name, value in headers.items()}}
    raw = [
        (name.encode(), each.encode("latin-1"))
        for name, value in given.items()
        for each in (value if isinstance(value, list) else [value])
    ]
    scope = {"type": scheme, "method": method, "path": path, "query_string": query.encode(), "headers": raw}
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(Guard(PlainTextResponse("a page"), TOKEN, PORT)(scope, receive, send))
    answer = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return {"status": sent[0]["status"], "headers": answer, "body": b"".join(part.get("body", b"") for part in sent)}


def test_the_token_in_the_url_becomes_a_cookie_that_no_script_and_no_other_site_has():
    answer = asked("/batches", query=f"q=a+b&token={TOKEN}")
    assert answer["status"] == 303
    assert answer["headers"]["location"] == "/batches?q=a+b"
    assert answer["headers"]["set-cookie"] == f"{COOKIE}; HttpOnly; Path=/; SameSite=strict"


def test_the_token_never_leads_to_another_site():
    assert asked("//evil.example", query=f"token={TOKEN}")["headers"]["location"] == "/evil.example"


def test_with_the_cookie_a_page_is_shown():
    assert asked(cookie=COOKIE)["body"] == b"a page"
    assert asked(cookie=COOKIE, host=f"localhost:{PORT}")["body"] == b"a page"


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"cookie": f"rollcall-console-{PORT}={new_token()}"},
        {"cookie": f"rollcall-console-{PORT}="},
        {"cookie": f"rollcall-console-4611={TOKEN}"},
        {"cookie": f"rollcall-console-{PORT}=\xe4"},
        {"query": "token="},
        {"query": f"token={new_token()}"},
        {"authorization": f"Bearer {TOKEN}"},
    ],
)
def test_without_the_token_nothing_is_shown(given: dict[str, str]):
    answer = asked(**given)
    assert answer["status"] == 403
    assert b"a page" not in answer["body"]


@pytest.mark.parametrize(
    "host",
    [
        "evil.example", f"evil.example:{PORT}", "127.0.0.1", "127.0.0.1:80", f"127.0.0.1.evil.example:{PORT}",
        f"0.0.0.0:{PORT}", f"[::1]:{PORT}", f"localhost.:{PORT}", "", f"{OWN}, evil.example", [OWN, "evil.example"],
    ],
)  # fmt: skip
def test_a_foreign_host_is_refused_even_with_the_token(host: str | list[str]):
    assert asked(host=host, cookie=COOKIE)["status"] == 403
    assert asked(host=host, query=f"token={TOKEN}")["status"] == 403


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
@pytest.mark.parametrize(
    "origin",
    [None, "null", "", "http://evil.example", "http://127.0.0.1:4611", f"https://{OWN}", f"http://localhost:{PORT}"],
)
def test_only_a_page_of_the_console_may_do_anything(method: str, origin: str | None):
    headers = {} if origin is None else {"origin": origin}
    assert asked(method=method, cookie=COOKIE, **headers)["status"] == 403
    assert asked(method=method, cookie=COOKIE, origin=f"http://{OWN}")["status"] == 200


def test_a_form_with_the_token_in_its_url_is_refused():
    assert asked(method="POST", query=f"token={TOKEN}", origin=f"http://{OWN}")["status"] == 403


@pytest.mark.parametrize("given", [{"cookie": COOKIE}, {}, {"host": "evil.example"}, {"query": f"token={TOKEN}"}])
def test_every_answer_has_the_policy_and_is_not_stored(given: dict[str, str]):
    headers = asked(**given)["headers"]
    assert {name: headers[name.lower()] for name in HEADERS} == HEADERS
    assert headers["content-security-policy"].startswith("default-src 'self'")
    assert "unsafe" not in headers["content-security-policy"]


def test_a_websocket_is_refused():
    answer = asked(scheme="websocket", cookie=COOKIE, origin=f"http://{OWN}")
    assert (answer["status"], answer["body"]) == (403, b"")
