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

MOST_BYTES = 70_167_211
"""Lambda's CreateFunction: a zip of 50 MB in base64. AWS and LocalStack name this number when they refuse a larger."""

NOT_S3 = re.compile(rb"/_|/\d{4}-\d\d-\d\d/")
"""Paths of the sandbox's and LocalStack's endpoints, and of APIs whose paths begin with a version, as Lambda's do."""

_stock_got_length = TwistedRequestAdapter.gotLength
_stock_chunk = TwistedRequestAdapter.handleContentChunk
_stock_process = TwistedRequestAdapter.process


def install() -> None:
    """Answer a request whose body is larger 413, without keeping what it sends; or whose body is larger unzipped."""
    TwistedRequestAdapter.gotLength = _got_length  # type: ignore[method-assign]
    TwistedRequestAdapter.handleContentChunk = _chunk  # type: ignore[method-assign]
    TwistedRequestAdapter.process = _process  # type: ignore[method-assign]

    @patch(ContentDecoder.__call__)
    def decode(stock: Any, self: ContentDecoder, chain: Any, context: Any, response: Any) -> None:
        stock(self, chain, context, response)
        # Not asked for otherwise: S3 reads its own.
        if context.request.content_encoding == "identity" and isinstance(context.request.stream, GzipFile):
            _unzip(chain, context.request)


def _got_length(self: Any, length: int | None) -> None:
    """The headers are there, and the body is about to come; `length` is None for one that comes in chunks."""
    self.received, self.bounded = 0, not _is_s3(self)
    _stock_got_length(self, 0 if _exceeds(self, length or 0) else length)


def _chunk(self: Any, data: bytes) -> None:
    self.received += len(data)
    if not _exceeds(self, self.received):
        _stock_chunk(self, data)
    elif self.content.tell():
        self.content.seek(0)
        self.content.truncate()


def _process(self: Any) -> None:
    if not _exceeds(self, self.received):
        _stock_process(self)
        return
    message = f"the body has {self.received} bytes: the Rollcall sandbox takes {MOST_BYTES} at most, S3 objects apart"
    self.setResponseCode(413)
    self.setHeader(b"Content-Type", b"application/json")
    self.write(json.dumps({"message": message}).encode())
    self.finish()


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


def _exceeds(request: Any, size: int) -> bool:
    return request.bounded and size > MOST_BYTES


def _is_s3(request: Any) -> bool:
    """Whether it looks like a call of S3: signed for it, or unsigned as a public upload or a form's may be."""
    path: bytes = request.channel._path
    if NOT_S3.match(path) or request.requestHeaders.hasHeader(b"X-Amz-Target"):
        return False
    if authorization := request.getHeader(b"Authorization"):
        return b"/s3/aws4_request" in authorization or authorization.startswith(b"AWS ")
    if any(mark in path for mark in (b"%2Fs3%2Faws4_request", b"/s3/aws4_request", b"AWSAccessKeyId=")):
        return True
    is_form = (request.getHeader(b"Content-Type") or b"").startswith(b"multipart/form-data")
    return request.channel._command == b"PUT" or (is_form and path != b"/")
