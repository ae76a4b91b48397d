"""Bounds the body of a request: S3 takes objects of any size, everything else what AWS's largest call may have."""

import json
import re
import zlib
from gzip import GzipFile
from io import BytesIO
from typing import Any

from localstack.aws.handlers.codec import ContentDecoder
from localstack.utils.patch import patch
from rolo.serving.twisted import TwistedRequestAdapter
from twisted.web.http import HTTPChannel

MOST_BYTES = 70_167_211
"""Lambda's CreateFunction: a zip of 50 MB in base64. AWS and LocalStack name this number when they refuse a larger."""

NOT_S3 = re.compile(rb"/_|/\d{4}-\d\d-\d\d/")
"""Paths of the sandbox's and LocalStack's endpoints, and of APIs whose paths begin with a version, as Lambda's do."""


class BoundedRequest(TwistedRequestAdapter):
    """Answers a request whose body is larger 413, without keeping what it sends."""

    received = 0
    bounded = False

    def gotLength(self, length: int | None) -> None:
        """The headers are there, and the body is about to come; `length` is None for one that comes in chunks."""
        self.bounded = not _is_s3(self)
        super().gotLength(0 if self._exceeds(length or 0) else length)

    def handleContentChunk(self, data: bytes) -> None:
        """A part of the body is there."""
        self.received += len(data)
        if not self._exceeds(self.received):
            super().handleContentChunk(data)
        elif (kept := self.content) and kept.tell():
            kept.seek(0)
            kept.truncate()

    def process(self) -> None:
        """The whole request is there."""
        if self._exceeds(self.received):
            most = f"the Rollcall sandbox takes {MOST_BYTES} at most, S3 objects apart"
            self.answer(413, "application/json", json.dumps({"message": f"the body has {self.received} bytes: {most}"}))
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

    def _exceeds(self, size: int) -> bool:
        return self.bounded and size > MOST_BYTES


def install() -> None:
    """Answer a request whose body is larger unzipped 413."""

    @patch(ContentDecoder.__call__)
    def decode(stock: Any, self: ContentDecoder, chain: Any, context: Any, response: Any) -> None:
        stock(self, chain, context, response)
        # Not asked for otherwise: S3 reads its own.
        if context.request.content_encoding == "identity" and isinstance(context.request.stream, GzipFile):
            _unzip(chain, context.request)


def _unzip(chain: Any, request: Any) -> None:
    """Stock unzips while the body is parsed, however much comes of it, and answers 500 where nothing does."""
    try:
        body = request.stream.read(MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        chain.respond(400, {"message": f"Content-Encoding: the body is not gzip: {error}"})
        return
    if len(body) > MOST_BYTES:
        message = f"the body unzipped has more than the {MOST_BYTES} bytes that the Rollcall sandbox takes"
        chain.respond(413, {"message": message})
    request.stream = BytesIO(body)


def _is_s3(request: Any) -> bool:
    """Whether it looks like a call of S3: signed for it, or unsigned as a public upload or a form's may be."""
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
    """Method and path, which HTTP/1's channels and HTTP/2's streams keep under names of their own until the end."""
    if isinstance(channel, HTTPChannel):
        return channel._command, channel._path  # type: ignore[return-value]  # bytes too
    return channel.command, channel.path
