"""An update expression is parsed once for all calls with its text, and its tree is walked less.

Stock moto parses it twice for each call, copies the tree through Python's pickle protocol, and walks it ten times, in
two of these walks with a walk below every node: 1 ms of the 3 ms that a conditional update took.
"""

from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import Any

from moto.dynamodb.parsing import ast_nodes, expressions, validators

from sandbox.dynamodb.conditions import MAX_EXPRESSIONS, MAX_LENGTH

_nodes: Any = ast_nodes  # moto does not check their types
_parser: Any = expressions
NO_NODE = object()


def install() -> None:
    """Keep the trees of update expressions, and copy and walk them cheaply."""
    make = _parser.UpdateExpressionParser.make
    kept = lru_cache(MAX_EXPRESSIONS)(make)
    # Only moto's validator changes a tree, and it makes a copy first.
    _parser.UpdateExpressionParser.make = lambda text: (kept if len(text) <= MAX_LENGTH else make)(text)
    _nodes.Node.__deepcopy__ = _copy
    _nodes.DepthFirstTraverser.traverse = _traverse
    for validator in (validators.ActionCountValidator, validators.OverlappingPathsValidator):
        validator.traverse = _check_root


def _copy(self: Any, _memo: dict[int, Any]) -> Any:
    result: Any = object.__new__(type(self))
    result.type, result.parent, result.children = self.type, None, self.children
    if self.children is not None:
        result.children = [part if isinstance(part, str | int) else _copy(part, _memo) for part in self.children]
        for part in result.children:
            if not isinstance(part, str | int):
                part.parent = result
    return result


def _traverse(self: Any, root: Any) -> Any:
    """Process the nodes as stock does, but look for the processor of each class of nodes once."""
    processors: Mapping[type, Callable[[Any], Any]] = self._processing_map()
    places = _places(tuple(processors))
    before = self.pre_processing_of_child
    if type(self).pre_processing_of_child is _nodes.DepthFirstTraverser.pre_processing_of_child:
        before = None

    def walk(node: Any, number: int) -> Any:
        parent = node.parent
        for index, child in enumerate(node.children or ()):
            if before:
                before(node, index)
            if places[type(child)] is not NO_NODE:
                walk(child, index)
        if found := places[type(node)]:
            node = processors[found](node)
            node.parent = parent
            if parent:
                parent.children[number] = node
        return node

    return walk(root, -1) if places[type(root)] is not NO_NODE else root


def _check_root(self: Any, root: Any) -> Any:
    """Check all of the tree at its root: what is wrong below shows there too. The walk says what it meets first."""
    [check] = self._processing_map().values()
    try:
        return check(root)
    except Exception:  # noqa: BLE001  whatever it is, the walk raises it, or what it meets before
        return _traverse(self, root)


class _Places(dict[type, Any]):
    """By class of what stands in a tree: which of the wanted classes it belongs to, None if to none, or NO_NODE."""

    def __init__(self, wanted: tuple[type, ...]) -> None:
        self._wanted = wanted

    def __missing__(self, kind: type) -> Any:
        is_node = issubclass(kind, _nodes.Node)
        self[kind] = found = next((one for one in self._wanted if issubclass(kind, one)), None) if is_node else NO_NODE
        return found


_places = cache(_Places)
