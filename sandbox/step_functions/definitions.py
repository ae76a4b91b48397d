"""State machine definitions: JSONata is refused, and a Map over the objects of a bucket gets all of them."""

import json
from typing import Any

from localstack.aws.api.stepfunctions import InvalidDefinition
from localstack.services.stepfunctions.asl.component.state.state_execution.state_map.item_reader.resource_eval import (
    resource_eval_s3 as s3,
)
from localstack.services.stepfunctions.provider import StepFunctionsProvider

MESSAGE = (
    "the Rollcall sandbox does not run JSONata (LocalStack evaluates it in Java, and the sandbox downloads nothing): "
    "use JSONPath, or see docs/fidelity.md"
)


def install() -> None:
    """Raise InvalidDefinition for a definition that names JSONata, wherever one is validated; list all objects.

    Stock lists the first page of objects only, fails if it is empty, and passes on dates, which JSON does not have.
    https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html
    """
    s3.ResourceEvalS3._handle_list_objects_v2 = staticmethod(_list_objects)  # type: ignore[method-assign]
    stock = StepFunctionsProvider._validate_definition

    def validate(definition: str, static_analysers: list[Any]) -> None:
        stock(definition, static_analysers)
        if _names_jsonata(json.loads(definition)):
            refusal = InvalidDefinition()
            refusal.message = MESSAGE
            raise refusal

    StepFunctionsProvider._validate_definition = staticmethod(validate)  # type: ignore[method-assign]


def _names_jsonata(part: dict[str, Any]) -> bool:
    """Whether a state machine or a state, or a state within it at any depth, has JSONata as its query language."""
    processors = [part.get("ItemProcessor"), part.get("Iterator")]
    within = [*part.get("States", {}).values(), *part.get("Branches", []), *filter(None, processors)]
    return part.get("QueryLanguage") == "JSONata" or any(map(_names_jsonata, within))


def _list_objects(env: Any, resource_runtime_part: Any, state_credentials: Any) -> None:
    client = s3.ResourceEvalS3._get_s3_client(
        resource_runtime_part=resource_runtime_part, state_credentials=state_credentials
    )
    pages = client.get_paginator("list_objects_v2").paginate(**env.stack.pop())
    env.stack.append([_item(found) for page in pages for found in page.get("Contents", [])])


def _item(found: dict[str, Any]) -> dict[str, Any]:
    fields = {"Etag": found["ETag"], "LastModified": int(found["LastModified"].timestamp())}
    return fields | {name: found[name] for name in ("Key", "Size", "StorageClass")}
