"""docs/first-hour.md from beginning to end: its files are written, its commands given, its outputs compared."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

import pytest

from sandbox.state import REPOSITORY
from tests.e2e.engines import free_port, kept, own_name

BLOCK = re.compile(r"^```(console|text|json|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# (\w+\.py): ")
# What the reader's machine decides: the sandbox's name and port, durations, rates, dollars, times, the token.
VARIES = re.compile(
    r" --(?:port|project)[ =]\S+|\$[\d.,]+|\b[\d,]+ items/s|\b[\d.]+ s\b|\b\d{4}-\d\d-\d\dT[\d:.]+Z"
    r"|127[\d.]+:\d+|(?<=token=)\S+"
)
NOT_HERE = "1. Get it"


class Reader:
    """Somebody who follows the page, in a shell that remembers variables. `folder` stands beside the clone."""

    def __init__(self, folder: Path, project: str):
        self._folder = folder
        self._after = folder / "environment"
        self._environment = {
            **os.environ, "ROLLCALL_PROJECT": project, "ROLLCALL_PORT": str(free_port()), "ENGINE": "native",
            "COLUMNS": "100", "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }  # fmt: skip

    def give(self, command: str) -> str:
        """What the command printed. It ends as the page says."""
        if command == "rollcall console":
            return self._look()
        expected = 1 if "# exit code 1" in command else 0
        words = f'{self._here(command)}\ncode=$?; env -0 > "{self._after}"; exit $code'
        if variable := re.match(r"(\w+)=", command):
            words = words.replace("\n", f"; export {variable[1]}\n", 1)
        done = subprocess.run(
            ["bash", "-c", words], cwd=REPOSITORY, capture_output=True, text=True, env=self._environment
        )
        assert done.returncode == expected, f"{command}: {done.stdout}{done.stderr}"
        self._environment = dict(entry.split("=", 1) for entry in self._after.read_text().split("\0") if entry)
        return done.stdout + done.stderr

    def write(self, text: str) -> None:
        """Put a file of the page into the work folder."""
        named = FILE.match(text)
        assert named, text
        (self._folder / "badges" / named[1]).write_text(text)

    def compare(self, shown: str, printed: str) -> None:
        """Each line that the page shows was printed, in this order; `...` stands for any lines."""
        lines = map(steady, printed.splitlines())
        for line in map(steady, self._here(shown).splitlines()):
            assert line == "..." or line in lines, f"{line!r} is not in:\n{printed}"

    def _here(self, text: str) -> str:
        return text.replace("../badges", str(self._folder / "badges"))

    def _look(self) -> str:
        """Open the console's address as a browser does, read a page of it, and end it as Ctrl-C does."""
        with subprocess.Popen(
            [sys.executable, "-m", "rollcall", "console", "--listen", str(free_port())],
            cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, env=self._environment,
        ) as console:  # fmt: skip
            assert console.stdout
            url = console.stdout.readline()
            opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
            page = opener.open(url).read().decode()
            console.send_signal(signal.SIGINT)
        assert "second" in page
        return url


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    """A reader with a sandbox's name of their own; what they leave is stopped."""
    project = own_name()
    with kept("native", project):
        yield Reader(tmp_path, project)


def test_the_first_hour_goes_as_its_page_says(reader: Reader, tmp_path: Path) -> None:
    printed, given = "", 0
    for section in re.split(r"^## ", (REPOSITORY / "docs" / "first-hour.md").read_text(), flags=re.MULTILINE)[1:]:
        if section.startswith(NOT_HERE):
            continue
        for kind, text in BLOCK.findall(section):
            if kind == "console":
                for command in re.findall(r"^\$ (.+)$", text.replace("\\\n", ""), re.MULTILINE):
                    printed, given = reader.give(command), given + 1
            elif kind == "text":
                reader.compare(text, printed)
            elif kind == "json":
                contains(json.loads(printed), json.loads(text))
            else:
                reader.write(text)
    assert given > 15
    assert not (tmp_path / "badges").exists()


def steady(line: str) -> str:
    """The line without what varies, and without the widths of columns."""
    return " ".join(VARIES.sub("", line).split())


def contains(event: dict[str, Any], shown: dict[str, Any]) -> None:
    """The event has all that the page shows of it."""
    detail = shown.pop("detail")
    assert shown.items() <= event.items()
    assert detail.items() <= event["detail"].items()
