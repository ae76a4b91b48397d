"""Ends the provisioned mode of an event source, which CloudFormation starts but does not end."""

import time
from collections.abc import Mapping

from bootstrap.aws import Session
from bootstrap.change_sets import Stacks
from bootstrap.stacks import outputs_of, parameters_of

PARAMETER = "ProvisionedPollers"


def end_provisioned_mode(session: Session, stacks: Stacks, name: str, wanted: Mapping[str, str]) -> None:
    """End the provisioned mode of the processor's event source if the stack has it and `wanted` has it no more.

    It must end before the stack is updated: MaximumConcurrency excludes it. An update to a template without
    ProvisionedPollerConfig keeps the mode and its cost: https://github.com/serverless/serverless/pull/13835
    """
    if wanted.get(PARAMETER) != "0":
        return
    found = stacks.describe(name) or {}
    processor = outputs_of(found).get("ProcessorFunctionName")
    if not processor or parameters_of(found).get(PARAMETER, "0") == "0":
        return
    stacks.progress(f"{name}: ending its provisioned pollers")
    functions = session.client("lambda")
    answer = functions.list_event_source_mappings(FunctionName=processor)
    for source in answer["EventSourceMappings"]:
        functions.update_event_source_mapping(UUID=source["UUID"], ProvisionedPollerConfig={})
        while functions.get_event_source_mapping(UUID=source["UUID"])["State"] == "Updating":
            time.sleep(stacks.interval)
