"""docs/tour.md names files and functions that exist, and the queues that feed the functions as the template has it."""

import ast
import re
from pathlib import Path

from cfnlint.decode import decode

from sandbox.state import REPOSITORY
from tests.unit.documents import prose_of, quoted_in

TOUR = "docs/tour.md"
TEMPLATE = "bootstrap/templates/sqs-batch-processing.yaml"


def defined_in(path: Path) -> set[str]:
    """The functions of a file, and the methods of its classes as `Class.method`."""
    names = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.ClassDef):
            names |= {f"{node.name}.{part.name}" for part in node.body if isinstance(part, ast.FunctionDef)}
    return names


def named_in(tour: str) -> list[tuple[str, str]]:
    """Each function that the tour names as `function()` or `Class.method()`, with the last file named before it."""
    found, path = [], ""
    for quoted in quoted_in(tour):
        if quoted.endswith(".py"):
            path = quoted
        elif re.fullmatch(r"\w+(\.\w+)?\(\)", quoted):
            found.append((path, quoted.removesuffix("()")))
    return found


def test_every_file_of_the_tour_exists() -> None:
    files = {quoted for quoted in quoted_in(prose_of(TOUR)) if quoted.endswith((".py", ".yaml"))}
    assert len(files) > 20
    assert sorted(path for path in files if not (REPOSITORY / path).is_file()) == []


def test_every_function_of_the_tour_is_defined_in_the_file_named_before_it() -> None:
    named = named_in(prose_of(TOUR))
    assert len(named) > 30
    present = [(path, name) for path, name in named if (REPOSITORY / path).is_file()]
    assert [(path, name) for path, name in present if name not in defined_in(REPOSITORY / path)] == []


def test_the_tours_table_says_which_queue_feeds_which_function() -> None:
    template, _ = decode(str(REPOSITORY / TEMPLATE))
    resources = template["Resources"]
    fed = set()
    for resource in resources.values():
        if resource["Type"] == "AWS::Lambda::EventSourceMapping":
            queue, _ = resource["Properties"]["EventSourceArn"]["Fn::GetAtt"]
            handler = resources[resource["Properties"]["FunctionName"]["Ref"]]["Properties"]["Handler"]
            fed.add((queue, handler.removesuffix(".handler").replace(".", "/") + ".py"))
    assert set(re.findall(r"^\| `(\w+)` \| `([\w/]+\.py)` \|", prose_of(TOUR), re.MULTILINE)) == fed


def test_the_tour_fits_on_a_page() -> None:
    assert len(prose_of(TOUR).splitlines()) <= 95
