"""Kinds of errors: those that differ only in ids and numbers are one kind. A pattern selects errors by their text.

The batcher of a redrive and the command line select by the same rules. Every step takes time in proportion to the text,
whatever the error or the pattern holds.
"""

import json
import re

# What stands in a kind for an item's id, or for a word with a digit.
GAP = "..."
# Stands in a pattern for any text. A backslash before it takes it literally.
ANY, ESCAPE = "*", "\\"
# A word with a digit in it: a number, a date, most ids. Names of errors and fields rarely have one. It begins where a
# word begins, and gives nothing back that it has passed over: so a long word costs no more than its length.
VARIES = re.compile(r"(?<![\w.-])[^\W\d]*+(?:[.-]++[^\W\d]*+)*+\d[\w.-]*+")
DIGIT = re.compile(r"\d")
# What Step Functions says of a function that failed: `Sandbox.Timedout: {"errorMessage":"RequestId: 0-a Error: ...`.
OF_LAMBDA = re.compile(r'([\w.]+): \{.*?"errorMessage":\s*("(?:[^"\\]|\\.)*")')
REQUEST = re.compile(r"RequestId: \S+ Error: ")
TOKEN = re.compile(r"\\[*\\]|\*|[^*\\]+|\\")


def first_line(error: str) -> str:
    """The error itself, without the places of its traceback, and Lambda's own errors without their JSON."""
    line = next(iter(error.splitlines()), "")
    if (found := OF_LAMBDA.match(line)) is None:
        return line
    message = json.loads(found[2]).removeprefix(found[1] + ": ")
    return f"{found[1]}: {REQUEST.sub('', first_line(message))}"


def line_of(error: str) -> str:
    """The line of an error by which it is grouped and selected."""
    # An exception without a message leaves a colon.
    return first_line(error).removesuffix(": ")


def kind_of(line: str, item_id: str = "") -> str:
    """The line without what differs from item to item: the item's id, and words with digits."""
    return VARIES.sub(GAP, without(line, item_id) if item_id in line else line)


def without(line: str, item_id: str) -> str:
    """The line with a gap for each place where the id stands by itself, and not within a longer word."""
    if not item_id:
        return line
    kept, at, begin = [], 0, line.find(item_id)
    while begin >= 0:
        end = begin + len(item_id)
        if not (line[begin - 1 : begin].isalnum() or line[end : end + 1].isalnum()):
            kept += [line[at:begin], GAP]
            at = end
        begin = line.find(item_id, end)
    return "".join([*kept, line[at:]])


def pattern_of(kind: str) -> str:
    """The pattern that selects the errors of a kind, and no others."""
    return kind.replace(ESCAPE, ESCAPE * 2).replace(ANY, ESCAPE + ANY)


class ErrorPattern:
    """Selects errors by their whole kind, or by their whole line if the pattern has a digit, as no kind has.

    `*` stands for any text, `\\*` for a star. So `HTTPError: ...` selects a kind, `HTTPError: 503` a part of it, and
    `HTTPError*` whatever begins so.
    """

    def __init__(self, text: str):
        self.text = text
        parts = [""]
        for token in TOKEN.findall(text):
            if token == ANY:
                parts.append("")
            else:
                parts[-1] += token[-1] if token[0] == ESCAPE else token
        self._first, *self._rest = parts
        self._of_kind = DIGIT.search(text) is None

    def selects(self, error: str, item_id: str) -> bool:
        """Whether the pattern fits the error of an item."""
        line = line_of(error)
        return self._fits(kind_of(line, item_id) if self._of_kind else line)

    def _fits(self, line: str) -> bool:
        if not self._rest:
            return line == self._first
        if not line.startswith(self._first):
            return False
        # Each part where it stands first leaves the most for those behind it, so nothing is tried twice.
        *middle, last = self._rest
        at = len(self._first)
        for part in middle:
            begin = line.find(part, at)
            if begin < 0:
                return False
            at = begin + len(part)
        return len(line) - len(last) >= at and line.endswith(last)
