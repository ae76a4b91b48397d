"""A plan's settings as stack parameters, on AWS and in the sandbox, and as a line of text."""

from costs.format import dollars, seconds
from costs.plan.plan import Plan
from costs.plan.settings import Settings, parameter, parameters_of

# The fields of Settings that the search chooses, and the CPU that it assumes.
SEARCHED = ("items_per_chunk", "item_concurrency", "processor_memory", "batch_size", "chunks_per_segment", "child_type",
            "cpu_architecture", "max_concurrency", "pollers")  # fmt: skip


def parameters(plan: Plan) -> dict[str, str]:
    """The parameters to deploy the plan's stack with, by name."""
    settings, template = plan.settings, parameters_of(plan.architecture)
    longer = settings.deadline_seconds != Settings().deadline_seconds
    excluded = "pollers" if settings.pollers is None else "max_concurrency"
    fields = [field for field in (*SEARCHED, *(["deadline_seconds"] if longer else [])) if field != excluded]
    values = {parameter(field).name: str(getattr(settings, field)) for field in fields}
    return {name: value for name, value in values.items() if name in template}


def in_sandbox(plan: Plan) -> tuple[dict[str, str], list[str]]:
    """The parameters that the sandbox accepts, and a sentence for each setting of the plan that it does not.

    `rollcall up` gives both stacks the same values, so a value must be one that both accept. The CPU is the machine's.
    """
    values, left_out = parameters(plan), []
    del values["CpuArchitecture"]
    if "MaxConcurrency" in values:
        narrower, planned = parameter("max_concurrency", "sqs"), plan.settings.max_concurrency
        accepted = min(max(planned, narrower.low or 0), narrower.high or planned)
        values["MaxConcurrency"] = str(accepted)
        if accepted != planned:
            left_out.append(f"MaxConcurrency={planned}: {accepted} instead, which both stacks accept")
    return values, left_out


def sum_and_time(plan: Plan) -> str:
    """The plan's dollars and duration: `$0.0188 in 1 min 59 s`."""
    return f"{dollars(plan.dollars)} in {seconds(plan.seconds)}"


def settings_line(plan: Plan) -> str:
    """The searched settings in a line."""
    settings = plan.settings
    own = f"BatchSize {settings.batch_size:,}" if plan.architecture == "sqs" else f"{settings.child_type} children"
    concurrency = f"MaxConcurrency {settings.max_concurrency:,}"
    return (
        f"{settings.items_per_chunk:,} items per chunk, {settings.item_concurrency} in parallel, {own}, "
        f"{concurrency if settings.pollers is None else f'{settings.pollers:,} pollers'}, "
        f"{settings.processor_memory:,} MB"
    )
