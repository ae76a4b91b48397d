"""Refuses requests from browsers, and bodies larger than AWS's largest call; objects of S3 have any size."""

import json
import re
import zlib
from gzip import GzipFile
from io import BytesIO
from tempfile import SpooledTemporaryFile
from typing import Any

from localstack.aws.handlers.codec import ContentDecoder
from localstack.utils.patch import patch

from sandbox import visitors

MAX_BYTES = 70_167_211
"""Lambda's CreateFunction: a zip of 50 MB in base64. AWS and LocalStack name this number when they refuse a larger."""

KEPT_IN_MEMORY = 2**20
"""Of a body; what is larger lies in a file among the engine's own."""

NOT_S3 = re.compile(r"/_|/\d{4}-\d\d-\d\d/")
"""Paths of the sandbox's and LocalStack's endpoints, and of APIs whose paths begin with a version, as Lambda's do."""


class Body(SpooledTemporaryFile[bytes]):
    """The body of a request, in memory or in a file."""

    mode = "rb"  # LocalStack's gzip reader looks here, and would else write


class IncomingRequest:
    """A request as its connection brings it. The body of a request that will be refused is counted, and not kept."""

    def __init__(self) -> None:
        self.method = ""
        self.target = ""
        """As on the request line: path and query."""
        self.version = "1.1"
        self.headers: list[tuple[str, str]] = []
        """As received, their case included."""
        self.fields: dict[str, str] = {}
        """The same by their names in small letters; of a name that comes twice, the last."""
        self.keep_alive = False
        self.received = 0
        self.body: Any = None
        """A readable file, once the headers are complete and if the request is not refused."""
        self._refusal: str | None = None

    def begin_body(self, allowed: frozenset[str]) -> bool:
        """Decide by the headers, before the body comes; `allowed` are names for `Host`.

        Returns whether the client waits for a word before it sends the body.
        """
        self.fields = {name.lower(): value for name, value in self.headers}
        self._refusal = visitors.refusal(self.headers, allowed) or visitors.foreign_target(self.target)
        length = int(self.fields.get("content-length", 0))
        if not self._refusal and (length <= MAX_BYTES or self._is_s3()):
            is_small = length <= KEPT_IN_MEMORY and "transfer-encoding" not in self.fields
            self.body = BytesIO() if is_small else Body(KEPT_IN_MEMORY)
        return "expect" in self.fields and self.fields["expect"].lower() == "100-continue"

    def add_body(self, part: bytes) -> None:
        """Keep this part of the body, unless the request is refused or the parts so far are too large."""
        self.received += len(part)
        if self.body is None:
            return
        if self.received > MAX_BYTES and not self._is_s3():
            self.body.close()
            self.body = None
        else:
            self.body.write(part)

    def refusal(self) -> tuple[str, str, str] | None:
        """Status, content type and text of the answer if the complete request is refused; else None."""
        if self._refusal:
            return "403 Forbidden", "text/plain; charset=utf-8", f"{self._refusal}\n"
        if self.body is None:
            bound = f"the Rollcall sandbox takes {MAX_BYTES} at most, S3 objects apart"
            text = json.dumps({"message": f"the body has {self.received} bytes: {bound}"})
            return "413 Request Entity Too Large", "application/json", text
        self.body.seek(0)
        return None

    def _is_s3(self) -> bool:
        """Whether it looks like a call of S3: signed for S3, or unsigned like a public upload or a form."""
        path = self.target
        if NOT_S3.match(path) or "x-amz-target" in self.fields:
            return False
        if authorization := self.fields.get("authorization"):
            return "/s3/aws4_request" in authorization or authorization.startswith("AWS ")
        if any(mark in path for mark in ("%2Fs3%2Faws4_request", "/s3/aws4_request", "AWSAccessKeyId=")):
            return True
        is_form = self.fields.get("content-type", "").startswith("multipart/form-data")
        return self.method == "PUT" or (is_form and path != "/")


def install() -> None:
    """Answer a request 413 if its body is too large once it is unzipped."""

    @patch(ContentDecoder.__call__)
    def decode(stock: Any, self: ContentDecoder, chain: Any, context: Any, response: Any) -> None:
        stock(self, chain, context, response)
        # Stock unzips the body unless the service reads it itself, as S3 does.
        if context.request.content_encoding == "identity" and isinstance(context.request.stream, GzipFile):
            _unzip(chain, context.request)


def _unzip(chain: Any, request: Any) -> None:
    """Unzip the body here. Stock unzips it without a bound while it parses it, and answers 500 if it is not gzip."""
    try:
        body = request.stream.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        chain.respond(400, {"message": f"Content-Encoding: the body is not gzip: {error}"})
        return
    if len(body) > MAX_BYTES:
        message = f"the body unzipped has more than the {MAX_BYTES} bytes that the Rollcall sandbox takes"
        chain.respond(413, {"message": message})
    request.stream = BytesIO(body)
