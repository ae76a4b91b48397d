"""DynamoDB's condition and update expressions, as far as the protocol uses them, over records in DynamoDB's own types.

Grammar: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html
Whatever is not understood raises UnknownExpression: the model never guesses.
"""

import operator
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

TOKEN = re.compile(r"\s*(<=|>=|<>|[#:]?\w+|[=<>(),+-])")
COMPARISONS: dict[str, Callable] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

type Attribute = dict[str, Any]
type Condition = Callable[[Mapping, Mapping, Mapping], bool]
type Operand = Callable[[Mapping, Mapping, Mapping], Attribute | None]


class UnknownExpression(ValueError):
    """An expression that this subset does not understand."""


class Tokens:
    """An expression's tokens, read one by one."""

    def __init__(self, text: str):
        self.text = text
        self.left = TOKEN.findall(text)
        if "".join(self.left) != re.sub(r"\s", "", text):
            raise UnknownExpression(text)

    def next_is(self, *expected: str) -> bool:
        return bool(self.left) and self.left[0].upper() in expected

    def take(self, *expected: str) -> str:
        """The next token; one of `expected` where some are given."""
        if not self.left or (expected and not self.next_is(*expected)):
            raise UnknownExpression(f"{self.text!r}: {self.left[:1]} where {expected} was expected")
        return self.left.pop(0)


def holds(expression: str | None, record: Mapping, names: Mapping, values: Mapping) -> bool:
    """Whether a condition holds for `record`, which is empty where there is none."""
    return not expression or condition(expression)(record, names, values)


@cache
def condition(expression: str) -> Condition:
    """A condition, ready to be asked."""
    tokens = Tokens(expression)
    parsed = _either(tokens)
    if tokens.left:
        raise UnknownExpression(expression)
    return parsed


def _either(tokens: Tokens) -> Condition:
    parts = [_both(tokens)]
    while tokens.next_is("OR"):
        tokens.take()
        parts.append(_both(tokens))
    return parts[0] if len(parts) == 1 else lambda *given: any(part(*given) for part in parts)


def _both(tokens: Tokens) -> Condition:
    parts = [_single(tokens)]
    while tokens.next_is("AND"):
        tokens.take()
        parts.append(_single(tokens))
    return parts[0] if len(parts) == 1 else lambda *given: all(part(*given) for part in parts)


def _single(tokens: Tokens) -> Condition:
    if tokens.next_is("("):
        tokens.take()
        inner = _either(tokens)
        tokens.take(")")
        return inner
    if tokens.next_is("NOT"):
        tokens.take()
        negated = _single(tokens)
        return lambda *given: not negated(*given)
    if tokens.next_is("ATTRIBUTE_EXISTS", "ATTRIBUTE_NOT_EXISTS", "CONTAINS"):
        return _function(tokens)
    left = _operand(tokens)
    compare = COMPARISONS[tokens.take(*COMPARISONS)]
    right = _operand(tokens)

    def compared(record: Mapping, names: Mapping, values: Mapping) -> bool:
        one, other = left(record, names, values), right(record, names, values)
        if one is None or other is None or one.keys() != other.keys():
            return compare is operator.ne
        return compare(plain(one), plain(other))

    return compared


def _function(tokens: Tokens) -> Condition:
    name = tokens.take().lower()
    tokens.take("(")
    path = _operand(tokens)
    if name != "contains":
        tokens.take(")")
        wanted = name == "attribute_exists"
        return lambda *given: (path(*given) is not None) is wanted
    tokens.take(",")
    element = _operand(tokens)
    tokens.take(")")

    def contained(*given: Mapping) -> bool:
        whole, part = path(*given), element(*given)
        return whole is not None and part is not None and plain(part) in plain(whole)

    return contained


def _operand(tokens: Tokens) -> Operand:
    token = tokens.take()
    if token.startswith(":"):
        return lambda record, names, values: values[token]
    if token.startswith("#"):
        return lambda record, names, values: record.get(names[token])
    if not token.isidentifier():
        raise UnknownExpression(tokens.text)
    return lambda record, names, values: record.get(token)


def updated(expression: str, record: Mapping, names: Mapping, values: Mapping) -> dict[str, Attribute]:
    """A copy of `record` as an update expression leaves it; every right side sees the record as it was."""
    after = dict(record)
    for change in update(expression):
        change(record, after, names, values)
    return after


@cache
def update(expression: str) -> list[Callable]:
    """An update, as changes to be made one after the other."""
    tokens = Tokens(expression)
    changes = []
    while tokens.left:
        clause = tokens.take("SET", "REMOVE", "ADD", "DELETE").upper()
        changes.append(CLAUSES[clause](tokens))
        while tokens.next_is(","):
            tokens.take()
            changes.append(CLAUSES[clause](tokens))
    return changes


def _name(tokens: Tokens) -> Callable[[Mapping], str]:
    token = tokens.take()
    return lambda names: names[token] if token.startswith("#") else token


def _set(tokens: Tokens) -> Callable:
    name = _name(tokens)
    tokens.take("=")
    source = _term(tokens)
    while tokens.next_is("+", "-"):
        sign = 1 if tokens.take() == "+" else -1
        source = _sum(source, _term(tokens), sign)

    def change(record: Mapping, after: dict, names: Mapping, values: Mapping) -> None:
        value = source(record, names, values)
        if value is None:
            raise UnknownExpression(f"{tokens.text!r}: an attribute that is not there")
        after[name(names)] = value

    return change


def _sum(left: Operand, right: Operand, sign: int) -> Operand:
    def added(*given: Mapping) -> Attribute | None:
        one, other = left(*given), right(*given)
        return one and other and {"N": str(int(one["N"]) + sign * int(other["N"]))}

    return added


def _term(tokens: Tokens) -> Operand:
    if not tokens.next_is("IF_NOT_EXISTS"):
        return _operand(tokens)
    tokens.take()
    tokens.take("(")
    path = _operand(tokens)
    tokens.take(",")
    default = _operand(tokens)
    tokens.take(")")
    return lambda *given: path(*given) or default(*given)


def _remove(tokens: Tokens) -> Callable:
    name = _name(tokens)
    return lambda record, after, names, values: after.pop(name(names), None)


def _add(tokens: Tokens) -> Callable:
    name, operand = _name(tokens), _operand(tokens)

    def change(record: Mapping, after: dict, names: Mapping, values: Mapping) -> None:
        amount = operand(record, names, values) or {}
        kind = next(iter(amount))
        before = record.get(name(names))
        if kind == "N":
            after[name(names)] = {"N": str(int(before["N"] if before else 0) + int(amount["N"]))}
        else:
            after[name(names)] = _set_of(kind, set(before[kind] if before else ()) | set(amount[kind]))

    return change


def _delete(tokens: Tokens) -> Callable:
    name, operand = _name(tokens), _operand(tokens)

    def change(record: Mapping, after: dict, names: Mapping, values: Mapping) -> None:
        gone = operand(record, names, values) or {}
        kind = next(iter(gone))
        before = record.get(name(names))
        left = set(before[kind] if before else ()) - set(gone[kind])
        if left:
            after[name(names)] = _set_of(kind, left)
        else:
            # DynamoDB has no empty sets: the attribute goes with its last element.
            after.pop(name(names), None)

    return change


CLAUSES = {"SET": _set, "REMOVE": _remove, "ADD": _add, "DELETE": _delete}


def _set_of(kind: str, elements: set[str]) -> Attribute:
    return {kind: sorted(elements)}


def plain(attribute: Attribute) -> Any:
    """An attribute's value as Python compares it."""
    ((kind, value),) = attribute.items()
    if kind == "N":
        return int(value)
    if kind == "NS":
        return {int(number) for number in value}
    return value
