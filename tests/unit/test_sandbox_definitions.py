"""A state machine's definition is parsed fast if it is right, and by stock, which says what is wrong, if it is not."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from localstack.services.stepfunctions.asl.parse.asl_parser import AmazonStateLanguageParser, ASLParserException

from sandbox.step_functions import shortcuts

PASS = {"Type": "Pass", "End": True}
RIGHT = json.dumps({"StartAt": "A", "States": {"A": PASS}})
WRONG = [
    RIGHT.replace('"Pass"', '"Pas"'),
    RIGHT.replace('"StartAt"', '"StartsAt"'),
    RIGHT.replace('"End": true', '"End": 1'),
    RIGHT[:-1],
    "",
]


@pytest.fixture
def parsers(monkeypatch: pytest.MonkeyPatch) -> tuple[Callable[[str], Any], Callable[[str], Any], list[str]]:
    """Stock's parser, the sandbox's, and the definitions that the latter has left to stock."""
    stock, left = AmazonStateLanguageParser.parse, []

    def seen(definition: str) -> Any:
        left.append(definition)
        return stock(definition)

    monkeypatch.setattr(AmazonStateLanguageParser, "parse", staticmethod(seen))
    shortcuts._parse_once()
    return stock, AmazonStateLanguageParser.parse, left


def test_a_right_definition_is_parsed_once_and_not_by_stock(parsers):
    stock, parse, left = parsers
    program, tree = parse(RIGHT)
    assert tree.getText() == stock(RIGHT)[1].getText()
    assert parse(RIGHT)[0] is program
    assert left == []


@pytest.mark.parametrize("definition", WRONG)
def test_of_a_wrong_definition_stock_says_what_is_wrong(parsers, definition):
    _, parse, left = parsers
    with pytest.raises(ASLParserException) as found:
        parse(definition)
    assert found.value.errors
    assert left == [definition]
