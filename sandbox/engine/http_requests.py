"""Refuses requests from browsers, and bodies larger than AWS's largest call; objects of S3 have any size."""

import json
import math
import re
import zlib
from gzip import GzipFile
from io import BytesIO
from typing import Any, ClassVar

from localstack.aws.handlers.codec import ContentDecoder
from localstack.utils.patch import patch
from rolo.serving.twisted import TwistedRequestAdapter
from twisted.web.http import HTTPChannel

from sandbox import visitors

MAX_BYTES = 70_167_211
"""Lambda's CreateFunction: a zip of 50 MB in base64. AWS and LocalStack name this number when they refuse a larger."""

NOT_S3 = re.compile(rb"/_|/\d{4}-\d\d-\d\d/")
"""Paths of the sandbox's and LocalStack's endpoints, and of APIs whose paths begin with a version, as Lambda's do."""


class GuardedRequest(TwistedRequestAdapter):
    """A request that is answered before any handler of LocalStack sees it, if it is refused (403) or too large (413).

    Websockets and HTTP/2 are included. The engine does not keep the body of such a request.
    """

    allowed: ClassVar[frozenset[str]] = frozenset()
    refusal: str | None = None
    received = 0
    limit = math.inf

    def gotLength(self, length: int | None) -> None:
        """Decide by the headers, before the body comes; `length` is None for a body in chunks."""
        headers = [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, values in self.requestHeaders.getAllRawHeaders()
            for value in values
        ]
        self.refusal = visitors.refusal(headers, self.allowed)
        self.limit = math.inf if _is_s3(self) else MAX_BYTES
        super().gotLength(0 if self.refusal or (length or 0) > self.limit else length)

    def handleContentChunk(self, data: bytes) -> None:
        """Keep this part of the body, unless the request is refused or the parts so far are too large."""
        self.received += len(data)
        if not self.refusal and self.received <= self.limit:
            super().handleContentChunk(data)
        elif (kept := self.content) and kept.tell():
            kept.seek(0)
            kept.truncate()

    def process(self) -> None:
        """Answer the request, which is complete."""
        if refused := self.refusal or visitors.foreign_target(self.uri.decode("latin-1")):
            self.answer(403, "text/plain; charset=utf-8", f"{refused}\n")
        elif self.received > self.limit:
            bound = f"the Rollcall sandbox takes {MAX_BYTES} at most, S3 objects apart"
            message = f"the body has {self.received} bytes: {bound}"
            self.answer(413, "application/json", json.dumps({"message": message}))
        else:
            super().process()

    def answer(self, status: int, content_type: str, text: str) -> None:
        """Answer in LocalStack's place."""
        body = text.encode()
        self.setResponseCode(status)
        self.setHeader(b"content-type", content_type.encode())
        self.setHeader(b"content-length", b"%d" % len(body))
        self.setHeader(b"x-content-type-options", b"nosniff")
        self.write(body)
        self.finish()


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


def _is_s3(request: Any) -> bool:
    """Whether it looks like a call of S3: signed for S3, or unsigned like a public upload or a form."""
    method, path = _request_line(request.channel)
    if NOT_S3.match(path) or request.requestHeaders.hasHeader(b"X-Amz-Target"):
        return False
    if authorization := request.getHeader(b"Authorization"):
        return b"/s3/aws4_request" in authorization or authorization.startswith(b"AWS ")
    if any(mark in path for mark in (b"%2Fs3%2Faws4_request", b"/s3/aws4_request", b"AWSAccessKeyId=")):
        return True
    is_form = (request.getHeader(b"Content-Type") or b"").startswith(b"multipart/form-data")
    return method == b"PUT" or (is_form and path != b"/")


def _request_line(channel: Any) -> tuple[bytes, bytes]:
    """Method and path. HTTP/1's channels and HTTP/2's streams keep them under names of their own until the end."""
    if isinstance(channel, HTTPChannel):
        return channel._command, channel._path  # type: ignore[return-value]  # bytes too
    return channel.command, channel.path
