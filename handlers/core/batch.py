"""A batch: its request, its id and its ending."""

import re
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any, Self

from handlers.core.json_text import JsonObject
from handlers.core.quoting import shown
from handlers.core.reading import AS_IT_IS, Reading

MAX_GENERATION = 9999
# An error has up to 1,000 characters, and its pattern may escape each of them.
MAX_PATTERN = 2000
# An id stands in command lines and in keys, so its first character is neither a hyphen nor a dot.
BATCH_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
BATCH_ID_WORDS = "1 to 80 letters, digits, dots, hyphens or underscores, with a letter or digit first"


class InvalidRequest(ValueError):
    """The batch request is wrong. The message names the field, its value and what was expected.

    Unprintable characters in it are escaped, so that every service accepts it.
    """

    def __init__(self, message: str):
        super().__init__(shown(message))


class Status(StrEnum):
    OPEN = "OPEN"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"
    # A scheduled batch that was not started, because the batch before it was still running.
    SKIPPED = "SKIPPED"


@dataclass(frozen=True)
class InputObject:
    """The S3 object that holds a batch's items. The batcher sets `etag` when the batch starts, to pin the version.

    With `listed` the object lists files, which hold the items. `reading` says how the object, or each file, is read.
    """

    bucket: str
    key: str
    etag: str | None = None
    reading: Reading = AS_IT_IS
    listed: bool = False

    def to_json(self) -> JsonObject:
        """Its form in a request."""
        values = asdict(self) | {"reading": self.reading.to_json()}
        return {name: value for name, value in values.items() if value}


@dataclass(frozen=True)
class Redrive:
    """A generation whose failed and remaining items are to run again, as the next generation of the batch.

    With `error`, a pattern (see ErrorPattern), only those failed items that it selects run. The others stay failed.
    """

    batch_id: str
    generation: int
    error: str | None = None


# Field of a request -> its type and bounds, as docs/design.md lists them.
LIMITS: dict[str, tuple[type, float, float]] = {
    "items": (int, 0, 100_000_000),
    "itemsPerChunk": (int, 1, 10_000),
    "maxValue": (int, 0, 1000),
    "failRate": (float, 0, 1),
    "itemConcurrency": (int, 1, 100),
    "maxAttempts": (int, 1, 10),
    "toleratedFailurePercentage": (float, 0, 100),
    # The timer of a batch is a message, and SQS keeps a message for 14 days.
    "deadlineSeconds": (int, 1, 13 * 24 * 3600),
}


@dataclass(frozen=True)
class BatchRequest:
    """The items of a batch and the settings for it. docs/design.md describes the fields."""

    batch_id: str | None = None
    items: int = 1000
    input: InputObject | None = None
    items_per_chunk: int = 100
    max_value: int = 1000
    fail_rate: float = 0.0
    item_concurrency: int = 10
    max_attempts: int = 3
    tolerated_failure_percentage: float = 0.0
    deadline_seconds: int = 6 * 3600
    redrive: Redrive | None = None

    @classmethod
    def parse(cls, request: Any, defaults: Mapping[str, str] | None = None) -> Self:
        """Check a request in JSON form. `defaults`: field -> text, for the fields that the request omits.

        A scheduled event of EventBridge has no fields. A null field counts as omitted. Raises InvalidRequest.
        """
        if not isinstance(request, dict):
            raise InvalidRequest(f"a batch request must be a JSON object, not {request!r:.100}")
        if is_scheduled(request):
            request = {}
        known = {camel_case(field.name) for field in fields(cls)}
        if unknown := sorted(request.keys() - known):
            raise InvalidRequest(f"unknown field {unknown[0]!r}; a batch request may have {', '.join(sorted(known))}")
        request = {name: value for name, value in request.items() if value is not None}
        values: dict[str, Any] = {name: number(name, text) for name, text in (defaults or {}).items() if name in LIMITS}
        values |= {name: bounded(name, request[name]) for name in LIMITS if name in request}
        if "batchId" in request:
            values["batchId"] = checked_batch_id(request["batchId"])
        if "input" in request:
            values["input"] = input_object(request["input"])
        if "redrive" in request:
            if len(request) > 1:
                raise InvalidRequest("redrive: runs with the request of the batch's first generation; no other field")
            values = {"redrive": redrive_of(request["redrive"])}
        return cls(**snake_cased(values))

    def to_json(self) -> JsonObject:
        """The request in JSON form, without the fields that have no value."""
        if self.redrive:
            values = camel_cased(asdict(self.redrive))
            return {"redrive": {name: value for name, value in values.items() if value is not None}}
        values = camel_cased(vars(self)) | {"input": self.input and self.input.to_json()}
        return {name: value for name, value in values.items() if value is not None}


def bounded(name: str, value: Any) -> Any:
    """`value`, if it is a number of the field's type within its bounds. Raises InvalidRequest."""
    kind, low, high = LIMITS[name]
    allowed = (int,) if kind is int else (int, float)
    if isinstance(value, bool) or not isinstance(value, allowed) or not low <= value <= high:
        noun = "a whole number" if kind is int else "a number"
        raise InvalidRequest(f"{name}: {value!r:.100} must be {noun} from {low:,} to {high:,}")
    return value


def number(name: str, text: str) -> Any:
    """A field's value from a stack parameter, which reaches the function as text. Raises InvalidRequest."""
    try:
        return bounded(name, LIMITS[name][0](text))
    except ValueError as error:
        raise InvalidRequest(f"{name}: the stack's parameter {text!r} does not fit: {error}") from error


def checked_batch_id(value: Any) -> str:
    """`value`, if it can be a batch's id. Raises InvalidRequest."""
    if not isinstance(value, str) or not BATCH_ID.fullmatch(value):
        raise InvalidRequest(f"batchId: {value!r:.100} must be {BATCH_ID_WORDS}")
    return value


def input_object(value: Any) -> InputObject:
    """The `input` field. Raises InvalidRequest."""
    if not isinstance(value, dict):
        raise InvalidRequest(f'input: {value!r:.100} must be {{"bucket": "...", "key": "..."}}')
    given = {name: field for name, field in value.items() if field is not None or name in ("bucket", "key")}
    reading, listed = given.pop("reading", {}), given.pop("listed", False)
    if set(given) - {"etag"} != {"bucket", "key"} or not all(isinstance(text, str) for text in given.values()):
        raise InvalidRequest(f'input: {value!r:.100} must be {{"bucket": "...", "key": "..."}}, perhaps "reading"')
    for name, text in given.items():
        if not is_utf_8(text):
            raise InvalidRequest(f"input.{name}: {text!r:.100} has half a character, which no name in S3 can hold")
    if not (given.get("etag", "").isascii() and given.get("etag", "").isprintable()):
        raise InvalidRequest(f"input.etag: {given['etag']!r:.100} must be an ETag as S3 returns it, or left out")
    if not isinstance(listed, bool):
        raise InvalidRequest(f"input.listed: {listed!r:.100} must be true or false")
    try:
        return InputObject(**given, reading=Reading.parse(reading), listed=listed)
    except ValueError as error:
        raise InvalidRequest(f"input.{error}") from None


def is_utf_8(text: str) -> bool:
    """Whether UTF-8 can encode the text: it has no half character."""
    return text == text.encode("utf-8", "replace").decode()


def refuse_too_many(items: int, max_items: int) -> None:
    """Raise InvalidRequest for a batch of more than `max_items` items, the stack's MaxItems.

    Those of a file are counted while they are read, so `items` may be only the first of them.
    """
    if items > max_items:
        raise InvalidRequest(
            f"items: at least {items:,}, and the stack's MaxItems is {max_items:,}: start smaller batches, or raise it"
        )


def redrive_of(value: Any) -> Redrive:
    """The `redrive` field. Raises InvalidRequest."""
    if not isinstance(value, dict) or set(value) - {"error"} != {"batchId", "generation"}:
        raise InvalidRequest(f'redrive: {value!r:.100} must be {{"batchId": "...", "generation": 1}}, perhaps "error"')
    generation = value["generation"]
    if isinstance(generation, bool) or not isinstance(generation, int) or not 1 <= generation < MAX_GENERATION:
        raise InvalidRequest(f"redrive.generation: {generation!r:.100} must be 1 to {MAX_GENERATION - 1:,}")
    error = value.get("error")
    if not (error is None or (isinstance(error, str) and 0 < len(error) <= MAX_PATTERN and is_utf_8(error))):
        raise InvalidRequest(f"redrive.error: {error!r:.100} must be a text of 1 to {MAX_PATTERN:,} characters")
    return Redrive(checked_batch_id(value["batchId"]), generation, error)


def camel_case(name: str) -> str:
    """`items_per_chunk` -> `itemsPerChunk`."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def snake_case(name: str) -> str:
    """`itemsPerChunk` -> `items_per_chunk`."""
    return re.sub(r"[A-Z]", lambda match: "_" + match[0].lower(), name)


def camel_cased(values: Mapping[str, Any]) -> JsonObject:
    """A dataclass's fields as a JSON object."""
    return {camel_case(name): value for name, value in values.items()}


def snake_cased(values: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON object's members as the fields of a dataclass."""
    return {snake_case(name): value for name, value in values.items()}


def new_batch_id(now: datetime) -> str:
    """A new id. Ids sort by time and do not collide."""
    return f"{now:%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:6]}"


def batch_id_of(request: Any, fallback: str) -> str:
    """The id of the batch that a request starts. Raises InvalidRequest.

    It is the request's own id, else made of the schedule's time, else `fallback` (the id of the message, the name of
    the execution). A redelivered event gets the same id, so it resumes its batch instead of starting a second one.
    """
    if is_scheduled(request) and isinstance(request.get("time"), str):
        return checked_batch_id("scheduled-" + re.sub(r"[^0-9TZ]", "", request["time"]))
    if (redrive := redrive_in(request)) is not None:
        return redrive_of(redrive).batch_id
    return checked_batch_id(fallback if (own := field_of(request, "batchId")) is None else own)


def generation_of(request: Any) -> int:
    """The generation that a request starts: the first, or the one after the redriven one. Raises InvalidRequest."""
    redrive = redrive_in(request)
    return 1 if redrive is None else redrive_of(redrive).generation + 1


def redrive_in(request: Any) -> Any:
    """The `redrive` field of a request, unchecked; None if the request starts a new batch."""
    return None if is_scheduled(request) else field_of(request, "redrive")


def field_of(request: Any, name: str) -> Any:
    """A field of a request of any type; None if the field is missing or null."""
    return request.get(name) if isinstance(request, dict) else None


def is_scheduled(request: Any) -> bool:
    """Whether a request is a scheduled event of EventBridge."""
    return isinstance(request, dict) and request.get("detail-type") == "Scheduled Event"


def batch_id_or(request: Any, fallback: str) -> str:
    """The batch's id; `fallback` if the request is invalid.

    A fallback that is no id is hashed: Step Functions allows more names of executions.
    """
    try:
        return batch_id_of(request, fallback)
    except InvalidRequest:
        fits = BATCH_ID.fullmatch(fallback)
        return fallback if fits else f"execution-{sha256(fallback.encode()).hexdigest()[:20]}"


def final_status(items: int, failed: int, tolerated_failure_percentage: float) -> Status:
    """The status of a batch whose items are all settled."""
    tolerated = failed * 100 <= items * tolerated_failure_percentage
    return Status.SUCCEEDED if tolerated else Status.FAILED


def iso(epoch_ms: int) -> str:
    """ISO 8601 in UTC with milliseconds."""
    return datetime.fromtimestamp(epoch_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


@dataclass(frozen=True)
class Ending:
    """How a batch ended. Times in milliseconds since 1970."""

    batch_id: str
    generation: int
    architecture: str
    status: Status
    items: int
    succeeded: int
    failed: int
    remaining: int
    chunks: int
    started_at: int
    finished_at: int
    reason: str | None = None

    def detail(self) -> JsonObject:
        """The detail of the Batch Finished event, as docs/design.md lists it."""
        values = camel_cased(vars(self))
        reason = values.pop("reason")
        return values | {
            "status": str(self.status),
            "startedAt": iso(self.started_at),
            "finishedAt": iso(self.finished_at),
            "durationSeconds": round((self.finished_at - self.started_at) / 1000, 3),
            "reason": reason and shown(reason),
        }
