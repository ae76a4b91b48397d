"""What others wrote is shown on a terminal and in a pipe, never sent: items, logs, errors, names."""

import csv
import io
import json
import re
from typing import Any

import pytest
from rich.live import Live
from rich.table import Table
from rich.text import Text

from bootstrap.printable import one_line, printable
from bootstrap.problem import Problem
from handlers.core.rejected import AT_KEY
from rollcall.batches.places import Places
from rollcall.commands import failures
from rollcall.terminal import console as terminal
from rollcall.terminal.console import PlainConsole
from rollcall.terminal.errors import guarded
from rollcall.terminal.log_lines import line

# By kind: a control character, DEL, C1, the direction of writing, no width, separators, half a character, private use.
HOSTILE = {
    *map(chr, (*range(9), *range(11, 32), 0x7F)),
    *"\x80\x85\x9b\x9d\x9f",
    *"\u202a\u202e\u2066\u2069\u200e\u200f\u061c",
    *"\u200b\u200d\u2060\ufeff\xad",
    *"\u2028\u2029\xa0",
    *"\ud800\udfff",
    *"\ue000\U000e0041",
}
TEXT = "before " + " ".join(sorted(HOSTILE)) + " \x1b]0;title\x07 \x1b[2J\x1b[8m after"
# What Rich itself sends for styles, and for a display that is drawn again.
OWN = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


def console(**how: Any) -> tuple[PlainConsole, io.StringIO]:
    file = io.StringIO()
    return PlainConsole(file=file, highlight=False, width=1000, **how), file


def table() -> Table:
    made = Table(TEXT)
    made.add_row(Text(TEXT), f"[bold]{TEXT}[/]")
    return made


@pytest.mark.parametrize("how", [{}, {"force_terminal": True, "color_system": "truecolor"}], ids=["pipe", "terminal"])
@pytest.mark.parametrize(
    "thing",
    [TEXT, Text(TEXT), Text(TEXT, "bold red"), f"[bold]{TEXT}[/]", table()],
    ids=lambda thing: type(thing).__name__,
)
def test_nothing_printed_reaches_the_terminal_as_a_command(how: dict[str, Any], thing: Any) -> None:
    where, file = console(**how)
    where.print(thing)
    left = OWN.sub("", file.getvalue())
    assert not HOSTILE & set(left)
    for shown in (r"\x1b]0;title", r"\x1b[2J", r"\x9b", r"\u202e", r"\ud800"):
        assert shown in left


def test_what_rich_would_drop_is_shown_too() -> None:
    where, file = console()
    where.print("a\rb\x07c\x08d")
    where.out("e\rf")
    assert file.getvalue() == "a\\rb\\x07c\\x08d\ne\\rf\n"


def test_a_live_display_shows_and_still_draws_itself_again() -> None:
    where, file = console(force_terminal=True, color_system="truecolor")
    with Live(Text(TEXT), console=where, auto_refresh=False, transient=True) as live:
        live.update(Text(TEXT + "\x1b[2J"), refresh=True)
    assert "\x1b[2K" in file.getvalue(), "Rich's own control codes still reach the terminal"
    assert "\x1b[2J" not in file.getvalue()
    assert r"\x1b[2J" in file.getvalue()


def test_styles_still_reach_a_terminal() -> None:
    where, file = console(force_terminal=True, color_system="truecolor")
    where.print("[bold red]loud[/]")
    assert file.getvalue() == "\x1b[1;31mloud\x1b[0m\n"


@pytest.mark.parametrize("text", [TEXT, "plain, schön, 漢字, 😀\n\tnext", ""])
def test_to_escape_twice_changes_nothing(text: str) -> None:
    assert printable(printable(text)) == printable(text)
    assert one_line(one_line(text)) == one_line(text)
    assert not HOSTILE & set(printable(text))


def test_what_prints_stays_as_it_is() -> None:
    text = "plain, schön, 漢字, 😀\n\tnext"
    assert printable(text) == text


@pytest.mark.parametrize(
    "message", [f"plain {TEXT}", json.dumps({"level": "INFO", "message": TEXT, "item": TEXT, "exception": TEXT})]
)
def test_a_log_line_is_shown(message: str) -> None:
    where, file = console(force_terminal=True, color_system="truecolor")
    where.print(line(0, "sqs.processor", message, "cyan"))
    left = OWN.sub("", file.getvalue())
    assert not HOSTILE & set(left)
    assert r"\x1b]0;title\x07 \x1b[2J\x1b[8m" in left
    assert r"\r" in left


def test_an_error_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    def fails() -> None:
        raise Problem(TEXT, f"try {TEXT}")

    assert guarded(fails) == 2
    err = capsys.readouterr().err
    assert not HOSTILE & set(err)
    assert err.count(r"\x1b[2J") == 2
    assert err.count(r"\r") == 2


def test_brackets_in_what_others_wrote_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.print_next({"rollcall status --profile='[/]'": "[bold]"})
    terminal.print_command("rollcall status --profile='[red]'")
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "  rollcall status --profile='[/]'   [bold]",
        "rollcall status --profile='[red]'",
    ]


LONG_PLACE = "--port 4711 --project=a-long-name-of-a-project"


def test_next_commands_are_whole_lines_on_a_narrow_terminal_too(monkeypatch: pytest.MonkeyPatch) -> None:
    where, file = console()
    commands = {f"rollcall failures b-1 {LONG_PLACE}": "each item that failed, and why", "rollcall down": "stop it"}
    monkeypatch.setattr(terminal, "stdout", where)
    where.width = 80
    terminal.print_next(commands)
    assert file.getvalue().splitlines() == [
        "", "next",
        f"  rollcall failures b-1 {LONG_PLACE}", "      each item that failed, and why",
        "  rollcall down", "      stop it",
    ]  # fmt: skip
    where.width = 120
    terminal.print_next(commands)
    command = f"rollcall failures b-1 {LONG_PLACE}"
    assert file.getvalue().splitlines()[-2:] == [
        f"  {command}   each item that failed, and why",
        f"  {'rollcall down':<{len(command)}}   stop it",
    ]


def test_values_are_wrapped_beside_their_labels_and_long_words_stay_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    where, file = console()
    monkeypatch.setattr(terminal, "stdout", where)
    where.width = 40
    url = "s3://" + "long" * 12
    terminal.print_rows([("reason", f"a reason of many words, more than fit, and {TEXT[:6]}"), ("at", f"{url}\nb\x07")])
    assert file.getvalue().splitlines() == [
        "  reason   a reason of many words, more",
        "           than fit, and before",
        f"  at       {url}",
        "           b\\x07",
    ]


def test_json_is_exact_and_prints(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.print_json({"text": TEXT, TEXT: [TEXT]})
    out = capsys.readouterr().out
    assert json.loads(out) == {"text": TEXT, TEXT: [TEXT]}
    assert not HOSTILE & set(out)


FILE = "=1+1.csv"


def rows(item: dict[str, Any], error: str, capsys: pytest.CaptureFixture[str]) -> list[str]:
    failures.write_csv(iter([{"item": item, "error": error, "attempts": 2}]), Places(FILE))
    header, row = csv.reader(io.StringIO(capsys.readouterr().out, newline=""))
    assert header == ["id", "error", "attempts", "item", "file", "line"]
    return row


@pytest.mark.parametrize("first", list("=+-@\t"))
def test_a_spreadsheet_computes_no_cell_of_the_csv(capsys: pytest.CaptureFixture[str], first: str) -> None:
    item = {"id": f"{first}cmd|' /C calc'!A0", AT_KEY: {"line": 3}}
    row = rows(item, f"{first}1", capsys)
    assert row[:3] == [f"'{item['id']}", f"'{first}1", "2"]
    assert json.loads(row[3]) == item
    assert row[4:] == [f"'{FILE}", "3"]


def test_a_csv_sends_nothing_to_a_terminal_and_keeps_the_item_exact(capsys: pytest.CaptureFixture[str]) -> None:
    item = {"id": TEXT, "note": TEXT}
    row = rows(item, f"one\ntwo, {TEXT}", capsys)
    assert row[:2] == [printable(TEXT), f"one\ntwo, {printable(TEXT)}"]
    assert json.loads(row[3]) == item
    assert not HOSTILE & set("".join(row))


def test_a_csv_leaves_ordinary_cells_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert rows({"id": 'a=b, "c"'}, "RuntimeError: -1", capsys)[:2] == ['a=b, "c"', "RuntimeError: -1"]


def test_a_table_is_wider_than_a_narrow_terminal_rather_than_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()
    shown = PlainConsole(file=written, width=40)
    monkeypatch.setattr(terminal, "stdout", shown)
    table = terminal.plain_table("batch", "items", "note", right=("items",), fold=("note",))
    table.add_row("a-batch-with-a-name-of-its-own-that-is-long", "1,000,000", "one two three")
    terminal.print_table(table)
    first = written.getvalue().splitlines()[1]
    assert "a-batch-with-a-name-of-its-own-that-is-long" in first
    assert "1,000,000" in first
    assert "…" not in written.getvalue()
