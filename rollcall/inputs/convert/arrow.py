"""Arrow's values as Python's, without a loss: the types that pyarrow itself would round, or refuse, are read here."""

from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from typing import Any


def values(array: Any) -> list[Any]:
    """The values of an Arrow array, dates and times in ISO 8601. Times with a zone are in UTC."""
    import pyarrow as pa

    is_a, kind = pa.types, array.type
    readers = (
        (is_a.is_dictionary, lambda array: values(array.dictionary_decode())),
        (is_a.is_temporal, times),
        (is_a.is_struct, structs),
        (is_a.is_map, maps),
        (is_a.is_list, lists),
        (is_a.is_large_list, lists),
        (is_a.is_fixed_size_list, lists),
        (is_a.is_float16, short_numbers),
        (is_a.is_float32, short_numbers),
        (lambda kind: isinstance(kind, pa.UuidType), uuids),
    )
    read = next((reader for fits, reader in readers if fits(kind)), lambda array: array.to_pylist())
    found: list[Any] = read(array)
    return found


def where_valid(array: Any, found: Iterator[Any]) -> list[Any]:
    """What was found for each place, None where the array has no value."""
    return [one if valid else None for one, valid in zip(found, array.is_valid().to_pylist(), strict=True)]


def times(array: Any) -> list[Any]:
    """Dates, times and durations."""
    import pyarrow as pa

    is_a, kind = pa.types, array.type
    if is_a.is_duration(kind):
        return durations(array)
    if is_a.is_time(kind):
        return [moment and moment.partition("T")[2] for moment in moments(time_of_day(array))]
    zone = "Z" if is_a.is_timestamp(kind) and kind.tz else ""
    return [moment and moment + zone for moment in moments(array)]


def moments(array: Any) -> list[str | None]:
    """Moments in ISO 8601, with as many decimals as they need."""
    import numpy as np

    texts = np.datetime_as_string(array.to_numpy(zero_copy_only=False)).tolist()
    return [None if text == "NaT" else shortened(text) for text in texts]


def time_of_day(array: Any) -> Any:
    """Times of day as moments of the first day of 1970."""
    import pyarrow as pa

    wide = pa.int32() if pa.types.is_time32(array.type) else pa.int64()
    return array.cast(wide).cast(pa.int64()).cast(pa.timestamp(array.type.unit))


def durations(array: Any) -> list[Any]:
    """Durations in seconds."""
    import pyarrow as pa

    power = {"s": 0, "ms": -3, "us": -6, "ns": -9}[array.type.unit]
    return [None if one is None else Decimal(one).scaleb(power) for one in array.cast(pa.int64()).to_pylist()]


def shortened(text: str) -> str:
    """A moment without zeros at the end of its fraction."""
    return text.rstrip("0").rstrip(".") if "." in text else text


def short_numbers(array: Any) -> list[Any]:
    """Numbers of 16 and 32 bits by their shortest texts, not by those of the doubles next to them."""
    return where_valid(array, map(float, array.to_numpy(zero_copy_only=False).astype(str).tolist()))


def uuids(array: Any) -> list[Any]:
    """UUIDs as texts."""
    return [one and str(one) for one in array.to_pylist()]


def structs(array: Any) -> list[Any]:
    """Structs as objects."""
    names = [array.type.field(number).name for number in range(array.type.num_fields)]
    if not names:
        return where_valid(array, ({} for _ in range(len(array))))
    members = (values(array.field(number)) for number in range(array.type.num_fields))
    return where_valid(array, (dict(zip(names, row, strict=True)) for row in zip(*members, strict=True)))


def lists(array: Any) -> list[Any]:
    """Lists of any values."""
    elements = iter(values(array.flatten()))
    return [
        None if length is None else [next(elements) for _ in range(length)]
        for length in array.value_lengths().to_pylist()
    ]


def maps(array: Any) -> list[Any]:
    """Maps as objects if their keys are texts, or else as lists of pairs."""
    pairs = list(zip(values(array.keys), values(array.items), strict=True))
    ends = pairwise(array.offsets.to_pylist())
    return where_valid(array, (mapping(pairs[first:last]) for first, last in ends))


def mapping(pairs: list[tuple[Any, Any]]) -> Any:
    """A map of these keys and values."""
    return dict(pairs) if all(isinstance(key, str) for key, _ in pairs) else [list(pair) for pair in pairs]
