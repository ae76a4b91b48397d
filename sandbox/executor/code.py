"""Where the functions' unzipped code lies, and when it goes.

Stock unzips to the machine's /tmp, which engines share and nobody clears, once for every function, and deletes the
code of an updated function while invocations of the old version still run: what such an invocation imports late would
be missing. Here functions with the same code share one folder.
"""

from collections import defaultdict
from pathlib import Path
from threading import Lock

from localstack import config
from localstack.services.lambda_.invocation import lambda_models
from localstack.services.lambda_.invocation.lambda_models import S3Code
from localstack.utils.patch import patch

from sandbox.engine_loop import LOOP
from sandbox.executor.unzip import unzip

LONGEST_INVOCATION_SECONDS = 900
# SHA-256 of a code: ids of the functions' copies of it that are in use.
_users: defaultdict[str, set[str]] = defaultdict(set)
_lock = Lock()
# Stock runs the machine's `unzip`, which follows a zip's links, else sets permissions of whatever a name leads to.
lambda_models.unzip = unzip  # type: ignore[assignment]


@patch(S3Code.get_unzipped_code_location)
def get_unzipped_code_location(stock, self) -> Path:
    return Path(config.dirs.tmp, "lambda-code", self.code_sha256.replace("/", "-"), "code")


@patch(S3Code.prepare_for_execution)
def prepare_for_execution(stock, self) -> None:
    """Unzip the code unless another function has done so: eight functions of one zip unzip it once."""
    with _lock:
        _users[self.code_sha256].add(self.id)
        stock(self)


@patch(S3Code.destroy_cached)
def destroy_cached(stock, self) -> None:
    """Delete the code once no invocation can be using it; until then it only takes room."""

    def destroy() -> None:
        with _lock:
            _users[self.code_sha256].discard(self.id)
            if not _users[self.code_sha256]:
                stock(self)

    LOOP.call_soon_threadsafe(LOOP.call_later, LONGEST_INVOCATION_SECONDS, LOOP.run_in_executor, None, destroy)
