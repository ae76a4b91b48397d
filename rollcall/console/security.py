"""Who may ask the console for anything: its own pages, in a browser that has come with the token."""

import secrets
from hmac import compare_digest
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PARAMETER = "token"
SAFE_METHODS = ("GET", "HEAD")
# Nothing of a page comes from elsewhere, no script or style stands in it, and no page of others may frame it.
POLICY = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    # Not no-referrer, with which browsers send `Origin: null` with a form.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def new_token() -> str:
    """A token that nobody guesses."""
    return secrets.token_urlsafe(24)


class Guard:
    """Lets a request to the console through, or refuses it, and puts HEADERS on every answer.

    The Host must be this machine's own name with the console's port, against DNS rebinding. The token comes once in
    the URL, then in a cookie that no script reads and that no other site's request carries. What changes anything must
    come from a page of the console: its Origin is the console's own.
    """

    def __init__(self, app: ASGIApp, token: str, port: int) -> None:
        self._app = app
        self._token = token
        # A cookie is sent to every port of a host, so its name has the port: two consoles do not get into each other.
        self._cookie = f"rollcall-console-{port}"
        self._hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        refusal = self._refusal(Request(scope)) if scope["type"] == "http" else PlainTextResponse("", 403)
        await (refusal or self._app)(scope, receive, send_with_headers)

    def _refusal(self, request: Request) -> Response | None:
        """The answer to a request that does not reach the console; None to one that does."""
        hosts = request.headers.getlist("host")
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            return PlainTextResponse("This is no name of the console.\n", 403)
        given = request.query_params.get(PARAMETER)
        if request.method in SAFE_METHODS and given is not None and self._is_token(given):
            return self._admitted(request)
        if not self._is_token(request.cookies.get(self._cookie, "")):
            return PlainTextResponse(
                "This console opens with the whole URL that `rollcall console` has printed, with its token.\n", 403
            )
        if request.method not in SAFE_METHODS and request.headers.getlist("origin") != [f"http://{hosts[0]}"]:
            return PlainTextResponse("Only a page of the console may do that.\n", 403)
        return None

    def _is_token(self, text: str) -> bool:
        return compare_digest(text.encode(), self._token.encode())

    def _admitted(self, request: Request) -> Response:
        """The page without the token in its URL, which would stay in the browser's history, and the cookie."""
        rest = urlencode([(name, value) for name, value in parse_qsl(request.url.query) if name != PARAMETER])
        path = "/" + request.url.path.lstrip("/")
        answer = RedirectResponse(path + (f"?{rest}" if rest else ""), 303)
        answer.set_cookie(self._cookie, self._token, httponly=True, samesite="strict", path="/")
        return answer
