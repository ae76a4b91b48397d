"""The parameters of a JSON request are read by a reader that is made once for each operation.

Stock asks botocore's model anew for each value, and for each parameter that is absent: 0.8 of the 3.4 ms that a write
of 25 items took, and 50 us of a small call.
"""

import base64
from collections.abc import Callable, Mapping
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape
from localstack.aws.protocol.parser import JSONRequestParser
from localstack.utils.patch import patch

type Reader = Callable[[Any], Any]
"""Reads a value that is not None. Raises TypeError, ValueError or AttributeError for one that its shape cannot be."""


def install() -> None:
    """Read JSON requests fast."""
    patch(JSONRequestParser._handle_json_body)(_read)


def _read(stock: Any, self: JSONRequestParser, request: Any, shape: Shape, uri_params: Any = None) -> Any:
    if "cbor" not in (request.headers.get("Content-Type") or ""):
        request.get_data()  # stock would first look whether it is a form
        body = self._parse_body_as_json(request)
        try:
            return None if body is None else reader_of(shape, self._convert_str_to_timestamp)(body)
        except (TypeError, ValueError, AttributeError):
            pass  # stock says which value it is
    return stock(self, request, shape, uri_params)


_READERS: dict[Shape, Reader] = {}


def reader_of(shape: Shape, read_time: Callable[[Any, Any], Any]) -> Reader:
    """The reader of an operation's input. `read_time` reads a time in a format, None for the default."""
    if shape not in _READERS:
        _READERS[shape] = _Maker(read_time).reader(shape)
    return _READERS[shape]


class _Maker:
    """Makes the readers of an operation's shapes, by their names, because a shape may contain itself."""

    def __init__(self, read_time: Callable[[Any, Any], Any]) -> None:
        self._read_time = read_time
        self._made: dict[str, Reader] = {}

    def reader(self, shape: Shape) -> Reader:
        name = shape.name
        if name not in self._made:
            self._made[name] = lambda value: self._made[name](value)  # noqa: PLW0108  another one by the time of the call
            self._made[name] = self._make(shape)
        return self._made[name]

    def _make(self, shape: Shape) -> Reader:
        if isinstance(shape, StructureShape):
            return _same if shape.is_document_type else self._structure(shape)
        if isinstance(shape, ListShape):
            read = self.reader(shape.member)
            return lambda value: [None if part is None else read(part) for part in value]
        if isinstance(shape, MapShape):
            read = self.reader(shape.value)
            return lambda value: {key: None if part is None else read(part) for key, part in value.items()}
        if shape.type_name == "timestamp":
            time_format = shape.serialization.get("timestampFormat")
            return lambda value: self._read_time(value, time_format)
        return _SCALARS.get(shape.type_name, _same)

    def _structure(self, shape: StructureShape) -> Reader:
        members: Mapping[str, tuple[str, Reader]] = {
            member.serialization.get("name", name): (name, self.reader(member))
            for name, member in shape.members.items()
        }
        required = frozenset(shape.required_members)

        def read(value: Mapping[str, Any]) -> dict[str, Any]:
            if not isinstance(value, dict):
                raise TypeError(f"not an object: {value!r}")
            # A value of DynamoDB has ten members, of which one is present.
            names = members if required or len(value) > 1 else [name for name in value if name in members]
            found = {}
            for spelt in names:
                part = value.get(spelt)
                name, reader = members[spelt]
                if part is not None:
                    found[name] = reader(part)
                elif name in required:
                    found[name] = None
            return found

        return read


def _same(value: Any) -> Any:
    return value


_SCALARS: Mapping[str, Reader] = {
    "integer": int,
    "long": int,
    "float": float,
    "double": float,
    "blob": base64.b64decode,
}
"""The others, such as texts, are what JSON says they are."""
