"""Finds the CloudFormation stack of a resource, and its logical id there."""

from typing import Any, NamedTuple

from localstack.services.cloudformation.stores import cloudformation_stores

_TYPES = {
    "AWS::Lambda::Function": "function",
    "AWS::SQS::Queue": "queue",
    "AWS::DynamoDB::Table": "table",
    "AWS::S3::Bucket": "bucket",
    "AWS::StepFunctions::StateMachine": "state machine",
}


class Place(NamedTuple):
    """`name` is the logical id in `stack`, or the resource's own name if it belongs to no stack."""

    stack: str | None
    name: str


class Stacks:
    """An index of the resources of all stacks, rebuilt when it does not have a resource."""

    def __init__(self) -> None:
        self._index: dict[tuple[str, str], Place] = {}
        self._seen: list[Any] = []

    def place(self, kind: str, name: str) -> Place:
        """The stack and the logical id of the resource with this `kind` (see `_TYPES`) and physical name."""
        if (kind, name) not in self._index:
            self._rebuild()
        return self._index.get((kind, name)) or Place(None, name)

    def _rebuild(self) -> None:
        """Rebuild the index if the stacks have changed."""
        stacks = [
            (stack, stack.status, stack.resolved_resources)
            for account in list(cloudformation_stores.values())
            for store in list(account.values())
            for stack in list(store.stacks_v2.values())
        ]
        seen = [(stack.stack_id, status, id(resources), len(resources)) for stack, status, resources in stacks]
        if seen == self._seen:
            return
        index = {}
        for stack, status, resources in stacks:
            for resource in list(resources.values()) if status != "DELETE_COMPLETE" else ():
                kind, physical = _TYPES.get(resource["Type"]), resource.get("PhysicalResourceId")
                if kind and physical:
                    # The name within a queue's URL or a state machine's ARN.
                    name = physical.rpartition("/")[2].rpartition(":")[2]
                    index[kind, name] = Place(stack.stack_name, resource["LogicalResourceId"])
        self._index, self._seen = index, seen


STACKS = Stacks()
"""The engine's one index."""
