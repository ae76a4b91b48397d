"""An answer in JSON is written by a writer that is made once for each operation, as `json_requests` reads requests.

Stock asks botocore's model anew for each value: a sixth of what receiving ten messages took.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape
from localstack.aws.protocol.serializer import JSONResponseSerializer, SqsJsonResponseSerializer
from localstack.utils.patch import patch

type Writer = Callable[[Any], Any]
"""What JSON has for a value that is not None. Raises if its shape has no place for it."""


def install() -> None:
    """Write answers in JSON fast."""
    patch(JSONResponseSerializer._serialize_body_params)(_write)


def _write(stock: Any, self: Any, answer: Any, shape: Shape, operation: Any, mime_type: str, request_id: str) -> Any:
    if shape is not None and mime_type in self.JSON_TYPES and type(self) in _PLAIN:
        try:
            return json.dumps(writer_of(shape, self)(answer))
        except (KeyError, TypeError, ValueError, AttributeError):
            pass  # stock says what has no place in the answer
    return stock(self, answer, shape, operation, mime_type, request_id)


_PLAIN = {JSONResponseSerializer, SqsJsonResponseSerializer}
"""The other serializers write some values in ways of their own."""

_WRITERS: dict[Shape, Writer] = {}


def writer_of(shape: Shape, serializer: Any) -> Writer:
    """The writer of an operation's output. `serializer` writes its times and bytes."""
    if shape not in _WRITERS:
        _WRITERS[shape] = _Maker(serializer).writer(shape)
    return _WRITERS[shape]


class _Maker:
    """Makes the writers of an operation's shapes, by their names, because a shape may contain itself."""

    def __init__(self, serializer: Any) -> None:
        self._serializer = serializer
        self._made: dict[str, Writer] = {}

    def writer(self, shape: Shape) -> Writer:
        name = shape.name
        if name not in self._made:
            self._made[name] = lambda value: self._made[name](value)  # noqa: PLW0108  it is another one when called
            self._made[name] = self._make(shape)
        return self._made[name]

    def _make(self, shape: Shape) -> Writer:
        if isinstance(shape, StructureShape):
            return _same if shape.is_document_type else self._structure(shape)
        if isinstance(shape, ListShape):
            write = self.writer(shape.member)
            return lambda value: [write(part) for part in value if part is not None]
        if isinstance(shape, MapShape):
            write = self.writer(shape.value)
            return lambda value: {key: write(part) for key, part in value.items() if part is not None}
        if shape.type_name == "timestamp":
            time_format = shape.serialization.get("timestampFormat")
            return lambda value: self._serializer._convert_timestamp_to_str(value, time_format)
        return self._serializer._get_base64 if shape.type_name == "blob" else _same

    def _structure(self, shape: StructureShape) -> Writer:
        members: Mapping[str, tuple[str, Writer]] = {
            name: (member.serialization.get("name", name), self.writer(member))
            for name, member in shape.members.items()
        }

        def write(value: Mapping[str, Any]) -> dict[str, Any]:
            found = {}
            for name, part in value.items():
                if part is not None:
                    spelt, writer = members[name]
                    found[spelt] = writer(part)
            return found

        return write


def _same(value: Any) -> Any:
    return value
