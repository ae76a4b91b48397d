"""Which settings cannot work, and which the stacks will bend: limits that decide before anything is simulated."""

from dataclasses import replace

from costs.facts.quotas import Quotas
from costs.plan import fixed
from costs.plan.limits import Impossible
from costs.plan.settings import Settings, Workload
from handlers.sfn.express import longest_child_seconds

# A record of a Lambda event has its message's body once more escaped, and this much beside it.
RECORD_BYTES = 1_000
BOUNDS = {
    "items_per_chunk": ("ItemsPerChunk", 1, 10_000),
    "batch_size": ("BatchSize", 1, 10_000),
    "item_concurrency": ("ItemConcurrency", 1, 100),
    "processor_memory": ("ProcessorMemory", 128, 10_240),
    "chunks_per_segment": ("ChunksPerSegment", 1, None),
    "max_attempts": ("MaxAttempts", 1, 10),
    "retry_delay_seconds": ("RetryDelaySeconds", 0, 900),
    "check_interval_seconds": ("CheckIntervalSeconds", 1, 900),
}


def item_bytes(workload: Workload) -> float:
    """An item as JSON: what the workload says, else the example's item with a value of average length."""
    if workload.item_bytes is not None:
        return workload.item_bytes
    return len('{"id":"000000000","value":}') + len(f"{workload.values.mean:.0f}")


def settled(architecture: str, workload: Workload, settings: Settings, quotas: Quotas) -> tuple[Settings, list[str]]:
    """The settings as the stack will have them, and in what they differ from those asked for. Raises Impossible."""
    check_bounds(architecture, workload, settings, quotas)
    warnings: list[str] = []
    size = item_bytes(workload) + 1
    limit_name, most, largest = {
        "sqs": ("sqs.message_bytes", fixed.SQS_MAX_CHUNK_BYTES, fixed.SQS_MAX_ITEM_BYTES),
        "sfn": ("states.payload_bytes", fixed.SFN_MAX_CHUNK_BYTES, fixed.SFN_MAX_CHUNK_BYTES),
    }[architecture]
    chunk_bytes, item_most = min(most, quotas[limit_name]), min(largest, quotas[limit_name])
    if size > item_most:
        raise Impossible(
            limit_name,
            f"an item of {size - 1:,.0f} bytes fits no chunk: {item_most:,.0f} at most; keep it in S3, and its key as "
            "item",
        )
    if settings.items_per_chunk * size > chunk_bytes:
        fitting = int(chunk_bytes / size)
        warnings.append(
            f"chunks are cut to {fitting:,} items of {size - 1:,.0f} bytes instead of {settings.items_per_chunk:,}: "
            f"{limit_name} is {quotas[limit_name]:,.0f} bytes"
        )
        settings = replace(settings, items_per_chunk=fitting)
    if architecture == "sqs":
        record = min(workload.items, settings.items_per_chunk) * size * 1.2 + RECORD_BYTES
        fitting = max(1, int(quotas["lambda.event_bytes"] / record))
        if settings.batch_size > fitting:
            warnings.append(
                f"{fitting:,} messages fit an invocation instead of {settings.batch_size:,}: lambda.event_bytes is "
                f"{quotas['lambda.event_bytes']:,.0f} bytes"
            )
            settings = replace(settings, batch_size=fitting)
    elif settings.child_type == "EXPRESS":
        check_express(settings, quotas)
    return settings, [*warnings, *refused_calls(architecture, settings, quotas)]


def refused_calls(architecture: str, settings: Settings, quotas: Quotas) -> list[str]:
    """A warning where more is called at a time than Lambda takes: what it refuses comes again, and is not free."""
    limit = quotas["lambda.concurrency"]
    asked = settings.max_concurrency
    if architecture == "sqs" and settings.pollers is not None:
        asked = int(settings.pollers * quotas["lambda.provisioned_poller_concurrency"])
    if asked <= limit:
        return []
    outcome = {
        "sqs": "what it refuses comes again after the visibility timeout, and is paid as received",
        "sfn": "what it refuses is tried until the deadline; EXPRESS children have 5 minutes for it, STANDARD ones pay "
        "every try",
    }[architecture]
    return [f"up to {asked:,} calls at a time, and lambda.concurrency is {limit:,.0f}: {outcome}"]


def check_bounds(architecture: str, workload: Workload, settings: Settings, quotas: Quotas) -> None:
    """Raise Impossible for what a template's parameter or AWS does not take."""
    for field, (name, low, high) in BOUNDS.items():
        check(name, getattr(settings, field), low, high)
    check("Items", workload.items, 1, 100_000_000)
    if settings.function_timeout not in fixed.FUNCTION_TIMEOUTS:
        allowed = ", ".join(map(str, fixed.FUNCTION_TIMEOUTS))
        raise Impossible("FunctionTimeout", f"{settings.function_timeout} is none of {allowed}")
    check("DeadlineSeconds", settings.deadline_seconds, 60, fixed.LONGEST_DEADLINE[architecture])
    if architecture == "sfn":
        check("MaxConcurrency", settings.max_concurrency, 1, int(quotas["states.parallel_children"]))
    elif settings.pollers is None:
        check("lambda.sqs_maximum_concurrency", settings.max_concurrency, 2,
              int(quotas["lambda.sqs_maximum_concurrency"]), "MaxConcurrency: ")  # fmt: skip
    else:
        check("lambda.provisioned_pollers", settings.pollers, 2, int(quotas["lambda.provisioned_pollers"]), "pollers: ")


def check(limit: str, value: float, low: int, high: int | None, what: str = "") -> None:
    """Raise Impossible unless `value` is within the bounds."""
    if value < low or (high is not None and value > high):
        bounds = f"from {low:,} to {high:,}" if high is not None else f"at least {low:,}"
        raise Impossible(limit, f"{what}{value:,} is not {bounds}")


def check_express(settings: Settings, quotas: Quotas) -> None:
    """Raise Impossible where an EXPRESS child may not live to see its last attempt's end: the stack refuses it."""
    longest = longest_child_seconds(settings.max_attempts, settings.function_timeout, settings.retry_delay_seconds)
    limit = quotas["states.express_seconds"]
    if longest > limit:
        raise Impossible(
            "states.express_seconds",
            f"{settings.max_attempts} attempts of {settings.function_timeout} s with {settings.retry_delay_seconds} s "
            f"between them may take {longest:,.0f} s, and an EXPRESS child ends after {limit:,.0f} s: lower "
            "FunctionTimeout, MaxAttempts or RetryDelaySeconds, or take ChildType=STANDARD",
        )
