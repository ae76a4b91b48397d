"""The API: it wants a key, and refuses the first request for every item, as if there were too many."""

import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

PORT = 47801
KEY = "only-for-the-sandbox"
PRICES = {"apple": 30, "banana": 20, "cherry": 500}


class Api(ThreadingHTTPServer):
    """Answers GET /prices/<id>. `requests` counts those for each item."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", PORT), Handler)
        self.requests: Counter[str] = Counter()
        self._lock = threading.Lock()

    def count(self, item: str) -> int:
        """Count a request, and return the number of those for this item."""
        with self._lock:
            self.requests[item] += 1
            return self.requests[item]


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    server: Api

    def do_GET(self) -> None:
        item = unquote(self.path.rpartition("/")[2])
        if self.headers["Authorization"] != f"Bearer {KEY}":
            self._answer(401)
        elif item not in PRICES:
            self._answer(404)
        elif self.server.count(item) == 1:
            self._answer(429, {"Retry-After": "0.1"})
        else:
            self._answer(200, body={"cents": PRICES[item]})

    def _answer(self, status: int, headers: dict[str, str] | None = None, body: dict[str, int] | None = None) -> None:
        text = json.dumps(body or {}).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(text)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""
