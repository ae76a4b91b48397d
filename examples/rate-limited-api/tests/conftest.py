"""The API runs while a test needs it."""

import threading
from collections.abc import Iterator

import pytest
from api import Api


@pytest.fixture
def api() -> Iterator[Api]:
    """The API, whose address rollcall.toml has."""
    with Api() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join()
