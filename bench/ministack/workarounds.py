"""What is changed in the deployed stacks, by API calls, so that MiniStack 1.5.33 runs them: one function per fault.

The templates, the packages and the handlers are the same as in every other engine. One more fault needs no change: it
takes what functions print for answers, so their log lines are lost.
"""

import json
from collections.abc import Mapping
from typing import Any

from rollcall.target.connection import Connection

type JsonObject = dict[str, Any]

CONTEXT = "$$."
# Fault: after a change of a function's configuration its warm environments stay. So the bench changes the code too.
KEEPS_ENVIRONMENTS = True


def work_around(connection: Connection) -> None:
    """Change both deployed stacks so that their batches run."""
    functions = [name for stack in connection.stacks.values() for name in functions_of(stack.outputs)]
    lambda_ = connection.client("lambda")
    for name in functions:
        for mapping in lambda_.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]:
            lambda_.update_event_source_mapping(UUID=mapping["UUID"], **numbers_as_numbers(mapping))
    states, stack = connection.client("stepfunctions"), connection.stack("sfn")
    machine, most = stack.outputs["StateMachineArn"], int(stack.parameters["MaxConcurrency"])
    definition = json.loads(states.describe_state_machine(stateMachineArn=machine)["definition"])
    runnable = with_concurrency(without_map_result(without_context_in_result_selector(definition)), most)
    states.update_state_machine(stateMachineArn=machine, definition=json.dumps(runnable))


def functions_of(outputs: Mapping[str, str]) -> list[str]:
    """The names of a stack's functions."""
    return [value for key, value in outputs.items() if key.endswith("FunctionName")]


def numbers_as_numbers(mapping: JsonObject) -> JsonObject:
    """Fault: a template's `!Ref` to a Number gives an event source a string, and its poller stops at the comparison."""
    changed: JsonObject = {"BatchSize": int(mapping["BatchSize"])}
    if scaling := mapping.get("ScalingConfig"):
        changed["ScalingConfig"] = {"MaximumConcurrency": int(scaling["MaximumConcurrency"])}
    return changed


def without_context_in_result_selector(definition: JsonObject) -> JsonObject:
    """Fault: `$$.` in a ResultSelector is null. A Pass state after the task adds those fields."""
    states: JsonObject = {}
    for name, state in definition["States"].items():
        selector = state.get("ResultSelector", {})
        ours = {key: value for key, value in selector.items() if str(value).startswith(CONTEXT)}
        if not ours:
            states[name] = state
            continue
        kept = {key: value for key, value in selector.items() if key not in ours}
        passed_on = {f"{key.removesuffix('.$')}.$": f"$.{key.removesuffix('.$')}" for key in kept}
        states[name] = {**state, "ResultSelector": kept, "Next": f"{name}: context"}
        states[f"{name}: context"] = {"Type": "Pass", "Parameters": passed_on | ours, "Next": state["Next"]}
    return {**definition, "States": states}


def without_map_result(definition: JsonObject) -> JsonObject:
    """Fault: it ignores ResultWriter, so a Map's result has no MapRunArn. A task after the Map looks it up."""
    states: JsonObject = {}
    for name, state in definition["States"].items():
        if state["Type"] != "Map":
            states[name] = state
            continue
        kept = {key: value for key, value in state.items() if key not in ("ResultSelector", "ResultWriter")}
        states[name] = {**kept, "ResultPath": None, "Next": f"{name}: Map Run"}
        states[f"{name}: Map Run"] = {
            "Type": "Task",
            "Resource": "arn:aws:states:::aws-sdk:sfn:listMapRuns",
            "Parameters": {"ExecutionArn.$": "$$.Execution.Id"},
            "ResultSelector": {"mapRunArn.$": "$.MapRuns[0].MapRunArn"},
            "ResultPath": state["ResultPath"],
            "Next": state["Next"],
        }
    return {**definition, "States": states}


def with_concurrency(definition: JsonObject, most: int) -> JsonObject:
    """Fault: it ignores MaxConcurrencyPath, and so runs all there is at once. The numbers are put in."""
    states: JsonObject = {}
    for name, state in definition["States"].items():
        states[name] = dict(state)
        if state["Type"] == "Map":
            states[name]["ItemProcessor"] = with_concurrency(state["ItemProcessor"], 1)
            if states[name].pop("MaxConcurrencyPath", None):
                states[name]["MaxConcurrency"] = most
    return {**definition, "States": states}
