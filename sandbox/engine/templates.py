"""CloudFormation refuses templates that would fill the memory, before it expands them."""

from contextvars import ContextVar
from typing import Any

import yaml
from localstack.utils.patch import patch

MAX_ADDED = 20_000
"""Values that aliases may add to a template: nine levels of ten aliases would add a thousand million."""

MAX_RESOURCES = 500
"""AWS's quota: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html."""

_loops: ContextVar[int] = ContextVar("calls of Fn::ForEach so far within the outermost one", default=0)


def install(_provider: Any) -> None:
    """Bound the values that YAML aliases and `Fn::ForEach` make of a template."""
    from localstack.services.cloudformation.engine import transformers
    from localstack.services.cloudformation.engine.validations import ValidationError
    from localstack.services.cloudformation.engine.yaml_parser import NoDatesSafeLoader

    @patch(NoDatesSafeLoader.get_single_node)
    def get_single_node(stock: Any, self: NoDatesSafeLoader) -> yaml.Node | None:
        """Count the aliases between reading and expanding."""
        node, sizes = stock(self), dict[int, int]()
        if node is not None and _expanded(node, sizes) - len(sizes) > MAX_ADDED:
            raise ValidationError(f"Template format error: YAML aliases add more than {MAX_ADDED} values.")
        return node

    @patch(transformers.expand_fn_foreach)
    def expand_fn_foreach(stock: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Count the calls: a loop makes one for each loop within it, at each of its turns."""
        run = _loops.get()
        before = _loops.set(run + 1)
        try:
            expanded = stock(*args, **kwargs) if run < MAX_RESOURCES else None
        finally:
            if run == 0:
                _loops.reset(before)
        if expanded is None or len(expanded) > MAX_RESOURCES:
            raise ValidationError(f"Template format error: Fn::ForEach makes more than {MAX_RESOURCES} resources.")
        return expanded


def _expanded(node: yaml.Node, sizes: dict[int, int]) -> int:
    """The number of values in `node` once every alias is a copy; `sizes` keeps it by the id of each node."""
    if id(node) not in sizes:
        sizes[id(node)] = MAX_ADDED * 10  # an alias to a node that contains it would never end
        sizes[id(node)] = 1 + sum(_expanded(part, sizes) for part in _parts(node))
    return sizes[id(node)]


def _parts(node: Any) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return node.value if isinstance(node, yaml.SequenceNode) else []
