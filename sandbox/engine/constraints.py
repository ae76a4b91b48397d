"""Refuses requests with names, sizes and values that AWS does not take.

AWS publishes the constraints of each parameter in botocore's models, and the same models know what LocalStack parsed.
What AWS's documents say beside the models stands in `_BOUNDS`. S3, SQS and SNS refuse in words of their own, in their
providers; for SQS see `queue_requests` too.
"""

import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from botocore.model import ListShape, MapShape, Shape, StructureShape
from localstack.aws import handlers
from localstack.aws.api import CommonServiceException, RequestContext
from localstack.aws.api.core import ServiceOperation

CODES = {
    **dict.fromkeys(("dynamodb", "events", "kms", "lambda", "secretsmanager", "ssm"), "ValidationException"),
    "stepfunctions": "ValidationException",
    "logs": "InvalidParameterException",
    **dict.fromkeys(("cloudformation", "cloudwatch", "iam", "sts"), "ValidationError"),
}
"""The error of each service, by botocore's names; others are not checked here."""

_LONGEST_SHOWN = 1024

_NOT_IN_NAMES = re.compile(r"""[\s<>{}\[\]?*"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]""")
"""In names of state machines, executions and activities:
https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html"""

_BOUNDS: Mapping[tuple[str, str], Mapping[str, Any]] = {
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
    ("dynamodb", "TableArn"): {"min": 3, "max": 255, "pattern": "[a-zA-Z0-9_.-]+", "or": "arn:"},
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html
    ("cloudformation", "StackName"): {"min": 1, "max": 128, "pattern": "[a-zA-Z][-a-zA-Z0-9]*", "or": "arn:"},
    # https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html; the model has other kinds of functions
    ("lambda", "MemorySize"): {"max": 10_240},
    ("lambda", "Timeout"): {"max": 900},
}
"""Shapes that the models bound less than AWS's documents. A value that begins with `or` is no name."""


class Failure(NamedTuple):
    """A constraint that is not met: where, by which value (None if it is not shown), and its text."""

    path: tuple[str, ...]
    value: str | None
    constraint: str


type Check = Callable[[Any], Sequence[Failure]]
"""Returns the failures of a value of its shape."""


def install() -> None:
    """Check every request of the services in CODES after it was parsed, before any fault or service sees it."""
    handlers.serve_custom_service_request_handlers.append(refuse)  # type: ignore[arg-type]  # called by position


def refuse(_chain: Any, context: RequestContext, _response: Any) -> None:
    """Raise the service's own error for a request that does not meet its constraints."""
    if context.operation is None or (called := context.service_operation) is None or called.service not in CODES:
        return
    request: Any = context.service_request or {}
    if called not in _checks:
        _checks[called] = check_of(called.service, context.operation.input_shape)
    check = _checks[called]
    if check and (failures := check(request)):
        raise CommonServiceException(CODES[called.service], text_of(failures))
    if called.service == "stepfunctions" and _NOT_IN_NAMES.search(name := request.get("name") or ""):
        raise CommonServiceException("InvalidName", f"Invalid Name: '{_shown(name)}'")


_checks: dict[ServiceOperation, Check | None] = {}


def text_of(failures: Sequence[Failure]) -> str:
    """The words with which all of these services refuse a request."""
    texts = []
    for path, value, constraint in failures:
        shown = "" if value is None else f" '{value}'"
        texts.append(f"Value{shown} at '{'.'.join(path)}' failed to satisfy constraint: {constraint}")
    return f"{len(texts)} validation error{'s' if len(texts) > 1 else ''} detected: {'; '.join(texts)}"


def check_of(service: str, shape: Shape | None, above: tuple[str, ...] = ()) -> Check | None:
    """The check of a shape, None if nothing in it is constrained.

    A shape within itself, as a DynamoDB value within a list, is not followed: no model constrains more there than the
    length of an attribute's name.
    """
    if shape is None or shape.name in above:
        return None
    above = (*above, shape.name)
    own = _own_check(service, shape)
    parts: Check | None = None
    if isinstance(shape, StructureShape):
        members = {name: check_of(service, member, above) for name, member in shape.members.items()}
        parts = _members_check([(name, _spelt(name), check) for name, check in members.items() if check])
    elif isinstance(shape, ListShape):
        parts = _items_check(check_of(service, shape.member, above))
    elif isinstance(shape, MapShape):
        parts = _entries_check(check_of(service, shape.key, above), check_of(service, shape.value, above))
    if own and parts:
        return lambda value: [*own(value), *parts(value)]
    return own or parts


def _spelt(name: str) -> str:
    """AWS's messages spell a member with a small first letter."""
    return name[0].lower() + name[1:]


def _members_check(checks: list[tuple[str, str, Check]]) -> Check | None:
    def members(value: Any) -> Sequence[Failure]:
        found: list[Failure] = []
        for name, spelt, check in checks:
            part = value.get(name)
            if part is not None and (failures := check(part)):
                found += _below((spelt,), failures)
        return found

    return members if checks else None


def _items_check(check: Check | None) -> Check | None:
    def items(value: Any) -> Sequence[Failure]:
        found: list[Failure] = []
        for number, part in enumerate(value, 1):
            if part is not None and (failures := check(part)):  # type: ignore[misc]  # not None below
                found += _below((str(number), "member"), failures)
        return found

    return items if check else None


def _entries_check(key_check: Check | None, value_check: Check | None) -> Check | None:
    """A key, or a value as a whole, is a failure of the map; a part of a value is one at its own place."""

    def entries(value: Any) -> Sequence[Failure]:
        found: list[Failure] = []
        for key, part in value.items():
            if key_check and (failures := key_check(key)):
                found.append(Failure((), None, f"Map keys must satisfy constraint: [{_texts(failures)}]"))
            if part is not None and value_check and (failures := value_check(part)):
                if own := [failure for failure in failures if not failure.path]:
                    found.append(Failure((), None, f"Map value must satisfy constraint: [{_texts(own)}]"))
                found += _below((key, "member"), [failure for failure in failures if failure.path])
        return found

    return entries if key_check or value_check else None


def _texts(failures: Sequence[Failure]) -> str:
    return ", ".join(failure.constraint for failure in failures)


def _below(path: tuple[str, ...], failures: Sequence[Failure]) -> Iterator[Failure]:
    return (failure._replace(path=(*path, *failure.path)) for failure in failures)


def _own_check(service: str, shape: Shape) -> Check | None:
    """The check of a shape's own length, range, pattern and words."""
    bounds = {**shape.metadata, **_BOUNDS.get((service, shape.name), {})}
    low, high, words = bounds.get("min"), bounds.get("max"), frozenset(shape.metadata.get("enum") or ())
    pattern = compiled(bounds["pattern"]) if "pattern" in bounds else None
    if shape.serialization.get("streaming") or (low is high is pattern is None and not words):
        return None
    size, measure = (len, "length") if shape.type_name in ("string", "blob", "list", "map") else (None, "value")
    no_name, sensitive = bounds.get("or"), bool(bounds.get("sensitive"))

    def own(value: Any) -> Sequence[Failure]:
        if no_name and value.startswith(no_name):
            return ()
        number = size(value) if size else value
        if (
            (low is None or number >= low)
            and (high is None or number <= high)
            and (pattern is None or pattern.fullmatch(value))
            and (not words or value in words)
        ):
            return ()
        texts = []
        if low is not None and number < low:
            texts.append(f"Member must have {measure} greater than or equal to {low}")
        if high is not None and number > high:
            texts.append(f"Member must have {measure} less than or equal to {high}")
        if pattern and not texts and not pattern.fullmatch(value):
            texts.append(f"Member must satisfy regular expression pattern: {bounds['pattern']}")
        if words and value not in words:
            texts.append(f"Member must satisfy enum value set: [{', '.join(sorted(words))}]")
        shown = None if sensitive else _shown(value)
        return [Failure((), shown, text) for text in texts]

    return own


def _shown(value: Any) -> str | None:
    """A short text or number, for a message on one line."""
    if isinstance(value, str | int | float) and len(text := str(value)) <= _LONGEST_SHOWN:
        return text if text.isprintable() else text.encode("unicode_escape").decode()
    return None


@cache
def compiled(pattern: str) -> re.Pattern[str] | None:
    """A pattern of the models, None if Python does not know what Java makes of it, such as `\\p{L}`."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", FutureWarning)  # a set within a set
        try:
            return re.compile(pattern)
        except (re.error, FutureWarning):
            return None
