"""A condition or filter is parsed once for all calls with its text: the values come later, with each call.

Stock moto parses the condition of each update twice, with regular expressions that it compiles for each token: 1 ms of
the 3 ms that a conditional update took.
"""

from functools import lru_cache
from typing import Any

from localstack.utils.patch import patch
from moto.dynamodb.comparisons import AttributeValue, ConditionExpressionParser, Operand

MAX_EXPRESSIONS = 1000
"""Texts whose trees are kept: more than a program has, and a bound for one that writes values into its texts."""
MAX_LENGTH = 4096
"""Of such a text: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html"""

_VALUE = ConditionExpressionParser.Kind.EXPRESSION_ATTRIBUTE_VALUE


def install() -> None:
    """Keep the trees of conditions and filters."""
    patch(ConditionExpressionParser.parse)(_parse)
    patch(ConditionExpressionParser._make_operand)(_make_operand)


class _WithoutValues(ConditionExpressionParser):
    """Parses a text to a tree in which values have only their names."""

    def _lookup_expression_attribute_value(self, name: str) -> Any:
        return name

    def _make_op_condition(self, node: Any) -> Any:
        return node


@lru_cache(MAX_EXPRESSIONS)
def _tree(text: str, names: tuple[tuple[str, str], ...]) -> tuple[Any, list[str], list[str]]:
    """The tree, the names in it, and the names of the values in it."""
    parser = _WithoutValues(text, dict(names), None)
    return parser.parse(), parser.expr_attr_names_found, parser.expr_attr_values_found


def _parse(stock: Any, self: ConditionExpressionParser) -> Any:
    """Make the condition of the tree and this call's values. Leaves to stock what is wrong, so that it says how."""
    text, names = self.condition_expression, self.expression_attribute_names or {}
    if not text or len(text) > MAX_LENGTH or isinstance(self, _WithoutValues):
        return stock(self)
    try:
        tree, names_found, values_found = _tree(text, tuple(names.items()))
    except Exception:  # noqa: BLE001  whatever it is, stock raises it again
        return stock(self)
    self.expr_attr_names_found += names_found
    self.expr_attr_values_found += values_found
    return self._make_op_condition(tree)


def _make_operand(stock: Any, self: ConditionExpressionParser, node: Any) -> Operand:
    if node.kind == _VALUE:
        return AttributeValue(self.expression_attribute_values[node.text])  # type: ignore[index]  # the call has it
    operand: Operand = stock(self, node)
    return operand
