"""A plan's settings as the stacks' parameters, on AWS and in the sandbox."""

from bootstrap.parameters import declared
from bootstrap.stacks import STACK_NAMES, template
from costs.plan.settings import Settings
from costs.tune.planned import Planned

# Settings' fields, and the parameters that both stacks have.
COMMON = {
    "items_per_chunk": "ItemsPerChunk",
    "item_concurrency": "ItemConcurrency",
    "processor_memory": "ProcessorMemory",
    "cpu_architecture": "CpuArchitecture",
}


def parameters(plan: Planned) -> dict[str, str]:
    """What the plan's stack is deployed with, for `--parameter NAME=VALUE` of `python -m bootstrap deploy`."""
    settings = plan.settings
    values = {name: str(getattr(settings, field)) for field, name in COMMON.items()}
    if plan.architecture == "sqs":
        values |= {"BatchSize": str(settings.batch_size), "ChunksPerSegment": str(settings.chunks_per_segment)}
    else:
        values["ChildType"] = settings.child_type
    if settings.pollers is None:
        values["MaxConcurrency"] = str(settings.max_concurrency)
    else:
        values["ProvisionedPollers"] = str(settings.pollers)
    if settings.deadline_seconds != Settings().deadline_seconds:
        values["DeadlineSeconds"] = str(settings.deadline_seconds)
    return values


def in_sandbox(plan: Planned) -> tuple[dict[str, str], list[str]]:
    """The parameters that the sandbox takes, and what of the plan it leaves out, in sentences.

    Its CPU is the machine's. `rollcall up` gives both stacks the same values, so only those that both take.
    """
    values, left_out = parameters(plan), []
    del values["CpuArchitecture"]
    if values.pop("ChildType", None) == "EXPRESS":
        left_out.append("ChildType=EXPRESS: the sandbox's engine has STANDARD children only")
    if "MaxConcurrency" in values:
        wanted = plan.settings.max_concurrency
        taken = taken_by_both("MaxConcurrency", wanted)
        values["MaxConcurrency"] = str(taken)
        if taken != wanted:
            left_out.append(f"MaxConcurrency={wanted}: {taken} instead, which both stacks take")
    return values, left_out


def taken_by_both(name: str, value: int) -> int:
    """The number nearest to `value` that both templates take for a parameter."""
    known = [declared(template(architecture))[name] for architecture in STACK_NAMES]
    low, high = max(each["MinValue"] for each in known), min(each["MaxValue"] for each in known)
    return int(min(max(value, low), high))
