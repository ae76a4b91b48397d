"""Limits that are checked before anything is simulated: AWS and the templates refuse, the stacks adjust."""

from dataclasses import replace
from typing import Any

from costs.facts.figures import Quotas
from costs.plan.settings import Settings, Workload, parameter
from costs.plan.shape import chunk_items
from costs.plan.sizes import item_bytes
from handlers.core.items import MAX_ITEM_BYTES
from handlers.sfn.batcher import MAX_CHUNK_BYTES as SFN_CHUNK_BYTES
from handlers.sfn.express import work_seconds
from handlers.sqs.segments import MAX_CHUNK_BYTES as SQS_CHUNK_BYTES

# A record of a Lambda event has the message's body, a fifth larger by its escapes, and this many other bytes.
ESCAPES, RECORD_BYTES = 1.2, 1_000
# The least time in which an EXPRESS child begins work.
BEGIN_SECONDS = 60


class Impossible(Exception):
    """AWS or a stack refuses such a batch. `limit` is the quota's name in quotas.toml, or the stack's parameter."""

    def __init__(self, limit: str, message: str) -> None:
        super().__init__(f"{limit}: {message}")
        self.limit = limit
        self.message = message


def refuse_above(quotas: Quotas, name: str, amount: float, message: str) -> None:
    """Raise Impossible for an amount above a quota. `{quota}` in the message becomes the quota's value."""
    if amount > quotas[name]:
        raise Impossible(name, message.format(quota=f"{quotas[name]:,.0f}"))


def adjusted(architecture: str, workload: Workload, settings: Settings, quotas: Quotas) -> tuple[Settings, list[str]]:
    """The settings as the stack applies them, and warnings that say where it adjusts them. Raises Impossible."""
    check_parameters(architecture, workload, settings, quotas)
    quota, fitting = fitting_items(architecture, workload, settings, quotas)
    settings, warnings = lowered(settings, "items_per_chunk", fitting, quota, quotas)
    if architecture == "sqs":
        fitting = fitting_messages(workload, settings, quotas)
        settings, more = lowered(settings, "batch_size", fitting, "lambda.event_bytes", quotas)
        warnings += more
    elif settings.child_type == "EXPRESS":
        timeout, delay = settings.processor_timeout, settings.retry_delay_seconds
        refuse_above(
            quotas, "states.express_seconds", BEGIN_SECONDS + work_seconds(timeout, delay),
            f"an attempt of {timeout} s and {delay} s of waiting may need {work_seconds(timeout, delay)} s, and an "
            f"EXPRESS child has {{quota}} s, {BEGIN_SECONDS} of them to begin work in: lower ProcessorTimeout or "
            "RetryDelaySeconds, or take ChildType=STANDARD",
        )  # fmt: skip
    return settings, [*warnings, *throttled_calls(architecture, settings, quotas)]


def lowered(settings: Settings, field: str, fitting: int, quota: str, quotas: Quotas) -> tuple[Settings, list[str]]:
    """The settings with a parameter lowered to what fits a quota, and a warning if it was lowered."""
    value = getattr(settings, field)
    if value <= fitting:
        return settings, []
    change: dict[str, Any] = {field: fitting}
    warning = f"{parameter(field).name} is {fitting:,} instead of {value:,}: {quota} is {quotas[quota]:,.0f} bytes"
    return replace(settings, **change), [warning]


def fitting_items(architecture: str, workload: Workload, settings: Settings, quotas: Quotas) -> tuple[str, int]:
    """The quota of a message, or of a state's input, and the items that fit one. Raises Impossible if none does."""
    name, chunk_bytes, item_limit = {
        "sqs": ("sqs.message_bytes", SQS_CHUNK_BYTES, MAX_ITEM_BYTES),
        "sfn": ("states.payload_bytes", SFN_CHUNK_BYTES, SFN_CHUNK_BYTES),
    }[architecture]
    size, quota = item_bytes(workload).expected, quotas[name]
    item_limit = int(min(item_limit, quota))
    if size + 1 > item_limit:
        raise Impossible(
            name,
            f"an item of {size:,.0f} bytes fits no chunk: {item_limit:,} at most; store it in S3, and "
            "use its key as the item",
        )
    return name, chunk_items(settings.items_per_chunk, size, int(min(chunk_bytes, quota)))


def fitting_messages(workload: Workload, settings: Settings, quotas: Quotas) -> int:
    """The number of messages that fit into a Lambda event, at least one."""
    items = min(workload.items, settings.items_per_chunk)
    record = items * (item_bytes(workload).expected + 1) * ESCAPES + RECORD_BYTES
    return max(1, int(quotas["lambda.event_bytes"] / record))


def throttled_calls(architecture: str, settings: Settings, quotas: Quotas) -> list[str]:
    """A warning if a stack calls more processors at a time than Lambda runs: AWS throttles and bills the rest."""
    limit = quotas["lambda.concurrency"]
    calls = settings.max_concurrency
    if architecture == "sqs" and settings.pollers is not None:
        calls = int(settings.pollers * quotas["lambda.provisioned_poller_concurrency"])
    if calls <= limit:
        return []
    outcome = {
        "sqs": "a throttled message is received and billed again after the visibility timeout",
        "sfn": "a throttled call is tried again until the deadline; an EXPRESS child has 5 minutes for it, a STANDARD "
        "one pays for every try",
    }[architecture]
    return [f"up to {calls:,} calls at a time, and lambda.concurrency is {limit:,.0f}: {outcome}"]


def check_parameters(architecture: str, workload: Workload, settings: Settings, quotas: Quotas) -> None:
    """Raise Impossible for a value that the parameter in the template, or AWS, does not allow."""
    check("Items", workload.items, 1, parameter("items").high)
    for name, value in vars(settings).items():
        about = parameter(name, architecture if name == "deadline_seconds" else None)
        if about.allowed and value not in about.allowed:
            raise Impossible(about.name, f"{value} is none of {', '.join(map(str, about.allowed))}")
        if about.low is not None and name not in ("max_concurrency", "pollers"):
            check(about.name, value, about.low, about.high)
    least = parameter("max_concurrency", architecture).low
    if architecture == "sfn":
        check("MaxConcurrency", settings.max_concurrency, least, quotas["states.parallel_children"])
    elif settings.pollers is None:
        name = "lambda.sqs_maximum_concurrency"
        check(name, settings.max_concurrency, least, quotas[name], "MaxConcurrency: ")
    else:
        name = "lambda.provisioned_pollers"
        check(name, settings.pollers, parameter("pollers").low, quotas[name], "pollers: ")


def check(limit: str, value: int, low: int | None, high: float | None, prefix: str = "") -> None:
    """Raise Impossible for a value outside its bounds. A bound of None does not limit it."""
    if value < (low or 0) or (high is not None and value > high):
        bounds = f"from {low:,} to {high:,.0f}" if high is not None else f"at least {low:,}"
        raise Impossible(limit, f"{prefix}{value:,} is not {bounds}")
