"""A fault plan and its decisions. Pure: the same seed makes the same decisions everywhere.

`{"seed": 7, "faults": [{"kind": "error", "service": "dynamodb", "operation": "Update*", "function": "*processor*",
"probability": 0.1, "count": 3, "after": 5, "error": "ThrottlingException", "status": 400}, ...]}`
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

KIND, PROBABILITY, COUNT, AFTER = "kind", "probability", "count", "after"
MAX_BYTES = 2**20
MAX_FAULTS = 100  # each `restart-pollers` has a thread
MAX_CALLS = 10**9
LONGEST_GLOB = 256  # no name that a glob could match is longer
LONGEST_SHOWN = 80


class BadPlan(ValueError):
    """The plan is not valid; the message names the field and the values that it takes."""


@dataclass(frozen=True)
class Call:
    """An event that a fault may hit: an API call, a message, an invocation, or a rule's delivery. Others are None."""

    service: str | None = None
    operation: str | None = None
    function: str | None = None
    queue: str | None = None
    rule: str | None = None


@dataclass(frozen=True)
class Fault:
    """One entry of a plan. `given` is the entry as written; `settings` are those of its kind, with defaults."""

    kind: str
    matchers: Mapping[str, str]
    settings: Mapping[str, Any]
    probability: float
    count: int | None
    after: int
    given: Mapping[str, Any] = field(repr=False)

    def matches(self, call: Call) -> bool:
        """Whether all of its matchers, which are globs, fit the call; none fits a name that the call does not have."""
        for name, glob in self.matchers.items():
            value = getattr(call, name)
            if value is None or not fnmatchcase(value, glob):
                return False
        return True


@dataclass(frozen=True)
class Plan:
    """A seed and the faults; a fault's number is its place in the order."""

    seed: int
    faults: tuple[Fault, ...]

    def strikes(self, number: int, nth: int) -> bool:
        """Whether fault `number` hits the `nth` call that it matches, counted from 1."""
        fault = self.faults[number]
        return nth > fault.after and self.chance(number, nth) < fault.probability

    def chance(self, number: int, nth: int, purpose: object = "") -> float:
        """A number in [0, 1) that depends on the arguments and the seed only; a call may want several, by `purpose`."""
        text = f"{self.seed}/{number}/{nth}/{purpose}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7]) / 2**56


def read(text: str | bytes) -> Plan:
    """Parse a text as a plan. Raises BadPlan for every other text."""
    if len(text) > MAX_BYTES:
        raise BadPlan(f"the plan has {len(text)} bytes, {MAX_BYTES} are allowed")
    try:
        document = json.loads(text)
    except RecursionError:
        raise BadPlan("the plan is nested too deeply") from None
    except ValueError as error:
        raise BadPlan(f"the plan is not JSON: {error}") from error
    return parse(document)


def parse(document: Any) -> Plan:
    """Parse a JSON document as a plan. Raises BadPlan."""
    _refuse_unknown(_object(document, "the plan"), {"seed", "faults"}, "the plan")
    seed = _whole(-(2**63), 2**63 - 1)(document.get("seed", 0), "seed")
    faults = _list(document.get("faults"), "faults")
    if len(faults) > MAX_FAULTS:
        raise BadPlan(f"faults: {len(faults)} are too many, {MAX_FAULTS} are allowed")
    return Plan(seed, tuple(_fault(entry, f"faults[{number}]") for number, entry in enumerate(faults)))


type Reader = Callable[[Any, str], Any]
"""Returns a valid value of a field, and raises BadPlan with the name of the field for another value."""

REQUIRED: Any = object()


def _shown(value: Any) -> str:
    """Any value as an error message quotes it: short, and on one line."""
    try:
        text = repr(value)
    except (RecursionError, ValueError):  # ValueError: a number of thousands of digits
        return f"this {type(value).__name__}"
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."


def _require(fits: Callable[[Any], bool], text: str) -> Reader:
    def read(value: Any, name: str) -> Any:
        if not fits(value):
            raise BadPlan(f"{name}: {_shown(value)} is {text}")
        return value

    return read


def _between(low: float, high: float, kinds: Any) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, kinds) and not isinstance(value, bool) and low <= value <= high


def _number(low: float, high: float) -> Reader:
    return _require(_between(low, high, int | float), f"not a number from {low:g} to {high:g}")


def _whole(low: int, high: int) -> Reader:
    return _require(_between(low, high, int), f"not a whole number from {low} to {high}")


_glob = _require(
    lambda value: isinstance(value, str) and 0 < len(value) <= LONGEST_GLOB,
    f"not a text of 1 to {LONGEST_GLOB} characters",
)
# An error code travels in a header and in XML as it is.
_error_code = _require(
    lambda value: isinstance(value, str) and bool(re.fullmatch(r"[A-Za-z0-9.]{1,100}", value)),
    "not an error code: 1 to 100 letters, digits and dots",
)
_list = _require(lambda value: isinstance(value, list), "not a list")
_object = _require(lambda value: isinstance(value, dict), "not a JSON object")
_when = _require(lambda value: value in ("before", "during", "after"), "none of before, during, after")
_before_or_after = _require(lambda value: value in ("before", "after"), "none of before, after")


@dataclass(frozen=True)
class Kind:
    """The matchers that a kind of fault takes, and its settings: the reader of each and its default."""

    matchers: tuple[str, ...]
    settings: Mapping[str, tuple[Reader, Any]] = field(default_factory=dict)


_SECONDS = _number(0, 43_200)  # a message's longest visibility timeout
_STATUS = _whole(400, 599)
_CALLS = ("service", "operation", "function")
_MOMENT = (_number(0, 900_000), 1000)

KINDS: Mapping[str, Kind] = {
    "error": Kind(_CALLS, {"error": (_error_code, "ThrottlingException"), "status": (_STATUS, 400)}),
    "lost-answer": Kind(_CALLS, {"error": (_error_code, "InternalServerError"), "status": (_STATUS, 500)}),
    "delay": Kind(_CALLS, {"seconds": (_SECONDS, REQUIRED)}),
    "hang": Kind(_CALLS, {"when": (_before_or_after, "before"), "bytes": (_whole(0, MAX_CALLS), None)}),
    "partial": Kind(_CALLS, {"share": (_number(0, 1), 0.5)}),
    "kill": Kind(_CALLS, {"when": (_when, REQUIRED)}),
    "kill-invocation": Kind(("function",), {"milliseconds": _MOMENT}),
    "freeze": Kind(("function",), {"seconds": (_SECONDS, REQUIRED), "milliseconds": _MOMENT}),
    "duplicate-message": Kind(("queue",), {"delay_seconds": (_SECONDS, 1)}),
    "late-message": Kind(("queue",), {"seconds": (_SECONDS, REQUIRED)}),
    "lost-delete": Kind(("queue",)),
    "drop-event": Kind(("rule",)),
    "double-event": Kind(("rule",)),
    "double-schedule": Kind(("rule",)),
    "restart-pollers": Kind(("queue",), {"every": (_number(0.1, 43_200), REQUIRED)}),
    "express-timeout": Kind((), {"seconds": (_number(0.1, 300), REQUIRED)}),
    "stale-list": Kind(_CALLS, {"seconds": (_SECONDS, REQUIRED)}),
    "expired-token": Kind(_CALLS),
    "quota": Kind(_CALLS, {"per_second": (_number(0, 1_000_000), REQUIRED), "burst": (_whole(1, MAX_CALLS), 1)}),
    "concurrency": Kind((), {"limit": (_whole(1, 1_000_000), REQUIRED)}),
}


def _fault(entry: Any, where: str) -> Fault:
    given = {name: value for name, value in _object(entry, where).items() if value is not None}
    name = given.get(KIND)
    if not isinstance(name, str) or name not in KINDS:
        raise BadPlan(f"{where}.kind: {_shown(name)} is none of {', '.join(KINDS)}")
    kind = KINDS[name]
    _refuse_unknown(given, {KIND, PROBABILITY, COUNT, AFTER, *kind.matchers, *kind.settings}, f"{where} ({name})")

    def read(field: str, reader: Reader, default: Any) -> Any:
        if field not in given:
            if default is REQUIRED:
                raise BadPlan(f"{where}.{field}: missing, {name} needs it")
            return default
        return reader(given[field], f"{where}.{field}")

    return Fault(
        kind=name,
        matchers={matcher: read(matcher, _glob, None) for matcher in kind.matchers if matcher in given},
        settings={setting: read(setting, *how) for setting, how in kind.settings.items()},
        probability=read(PROBABILITY, _number(0, 1), 1),
        count=read(COUNT, _whole(0, MAX_CALLS), None),
        after=read(AFTER, _whole(0, MAX_CALLS), 0),
        given=given,
    )


def _refuse_unknown(value: Mapping[str, Any], known: set[str], where: str) -> None:
    if unknown := sorted(value.keys() - known):
        raise BadPlan(f"{where}: unknown field {_shown(unknown[0])}, known are {', '.join(sorted(known))}")
