"""HTTP headers are looked up quickly: LocalStack looks up fifty for each call.

Stock compares names after it has made an exception for each header that is absent, and works out anew for each call
what the client accepts.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from localstack.aws.protocol.serializer import ResponseSerializer
from werkzeug.datastructures import Headers

MAX_KEPT = 1000
_stock_get = Headers.get
_stock_contains = Headers.__contains__
_stock_mime_type = ResponseSerializer._get_mime_type


def install() -> None:
    """Look headers up without exceptions, and keep what clients accept."""
    Headers.get = _get  # type: ignore[method-assign,assignment]
    Headers.__contains__ = _contains  # type: ignore[method-assign]
    ResponseSerializer._get_mime_type = _mime_type  # type: ignore[method-assign,assignment]


def _get(self: Any, key: str, default: Any = None, type: Any = None) -> Any:
    if type is not None or self.__class__ is not Headers:
        return _stock_get(self, key, default, type)
    wanted = key.lower()
    return next((value for name, value in self._list if name.lower() == wanted), default)


def _contains(self: Any, key: str) -> bool:
    if self.__class__ is not Headers:
        return _stock_contains(self, key)
    wanted = key.lower()
    return any(name.lower() == wanted for name, _ in self._list)


def _mime_type(self: ResponseSerializer, headers: Mapping[str, str] | None) -> str:
    return _accepted(self, *((headers.get("Accept"), headers.get("Content-Type")) if headers else (None, None)))


@lru_cache(MAX_KEPT)
def _accepted(serializer: ResponseSerializer, accept: str | None, content_type: str | None) -> str:
    given = {"Accept": accept, "Content-Type": content_type}
    return _stock_mime_type(serializer, Headers({name: value for name, value in given.items() if value is not None}))
