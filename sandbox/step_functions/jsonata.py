"""State machines in JSONata are refused: LocalStack evaluates it in Java, which it would have to download."""

import json
from typing import Any

from localstack.aws.api.stepfunctions import InvalidDefinition
from localstack.services.stepfunctions.provider import StepFunctionsProvider

MESSAGE = (
    "the Rollcall sandbox does not run JSONata (LocalStack evaluates it in Java, and the sandbox downloads nothing): "
    "use JSONPath, or see docs/fidelity.md"
)


def install() -> None:
    """Raise InvalidDefinition where a definition that names JSONata is created, changed, validated or tried out."""
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
