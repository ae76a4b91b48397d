"""CloudFormation templates that would fill the memory are refused before they are expanded."""

from contextvars import ContextVar
from typing import Any

import yaml

from sandbox.loading import when_loaded

MOST_ADDED = 20_000
"""Values that aliases may add to a template: nine levels of ten aliases would add a thousand million."""

MOST_RESOURCES = 500
"""AWS's quota: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html."""

_loops: ContextVar[int] = ContextVar("how many Fn::ForEach there were within the outermost one", default=0)


def install() -> None:
    """Bound what YAML aliases and `Fn::ForEach` make of a template, from when this engine loads CloudFormation."""
    when_loaded("cloudformation", _mend)


def _mend(provider: Any) -> None:
    from localstack.services.cloudformation.engine import transformers
    from localstack.services.cloudformation.engine.validations import ValidationError
    from localstack.services.cloudformation.engine.yaml_parser import NoDatesSafeLoader

    read, expand = NoDatesSafeLoader.get_single_node, transformers.expand_fn_foreach

    def read_bounded(self: NoDatesSafeLoader) -> yaml.Node | None:
        """Aliases are seen between reading and expanding."""
        node, sizes = read(self), dict[int, int]()
        if node is not None and _expanded(node, sizes) - len(sizes) > MOST_ADDED:
            raise ValidationError(f"Template format error: YAML aliases add more than {MOST_ADDED} values.")
        return node

    def expand_bounded(*args: Any, **kwargs: Any) -> dict[str, Any]:
        """A loop calls this for each loop within it, at each of its turns."""
        run = _loops.get()
        before = _loops.set(run + 1)
        try:
            made = expand(*args, **kwargs) if run < MOST_RESOURCES else None
        finally:
            if run == 0:
                _loops.reset(before)
        if made is None or len(made) > MOST_RESOURCES:
            raise ValidationError(f"Template format error: Fn::ForEach makes more than {MOST_RESOURCES} resources.")
        return made

    NoDatesSafeLoader.get_single_node = read_bounded  # type: ignore[method-assign]
    transformers.expand_fn_foreach = expand_bounded


def _expanded(node: yaml.Node, sizes: dict[int, int]) -> int:
    """How many values `node` has once every alias is a copy; `sizes` keeps it of each node."""
    if id(node) not in sizes:
        sizes[id(node)] = MOST_ADDED * 10  # an alias to what it is part of never ends
        sizes[id(node)] = 1 + sum(_expanded(part, sizes) for part in _parts(node))
    return sizes[id(node)]


def _parts(node: Any) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return node.value if isinstance(node, yaml.SequenceNode) else []
