"""Where the functions' unzipped code lies, and when it goes.

Stock unzips to the machine's /tmp, which engines share and nobody clears, and deletes the code of an updated function
while invocations of the old version still run: what such an invocation imports late would be missing.
"""

from pathlib import Path

from localstack import config
from localstack.services.lambda_.invocation.lambda_models import S3Code
from localstack.utils.patch import patch

from sandbox.executor.loop import LOOP

LONGEST_INVOCATION_SECONDS = 900


@patch(S3Code.get_unzipped_code_location)
def get_unzipped_code_location(stock, self) -> Path:
    return Path(config.dirs.tmp, "lambda-code", self.id, "code")


@patch(S3Code.destroy_cached)
def destroy_cached(stock, self) -> None:
    """Delete the code once no invocation can be using it; until then it only takes room."""
    LOOP.call_soon_threadsafe(LOOP.call_later, LONGEST_INVOCATION_SECONDS, LOOP.run_in_executor, None, stock, self)
