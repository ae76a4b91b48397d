"""What the options `--input` name: files of this machine, its standard input, and objects of the input bucket."""

import codecs
import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from bootstrap.problem import Problem
from handlers.core.files.encodings import as_utf_8
from handlers.core.files.look import HEAD_BYTES, beginning_of_gzip
from handlers.core.files.signatures import GZIP
from handlers.core.files.unreadable import Unreadable
from handlers.core.json_text import JsonObject
from handlers.core.quoting import shown
from handlers.core.reading import AS_IT_IS, Reading
from rollcall.batches.input_file import check_input_file, refuse_no_file, upload_file
from rollcall.batches.input_objects import Listing, S3Place
from rollcall.target.connection import Connection, Stack
from rollcall.terminal.console import stderr

STDIN = "-"
NAMED = 3


class Inputs:
    """The inputs of one batch, in their order. Raises Problem for a file that is none of items.

    With `as_files` the objects below a prefix are files; without it each of them is an item.
    """

    def __init__(self, named: Sequence[str], reading: Reading = AS_IT_IS, as_files: bool = False):
        self._named = named
        self._reading = reading
        self._as_files = as_files
        self._spooled = TemporaryDirectory(prefix="rollcall-") if any(map(is_stream, named)) else None
        self._places: list[Path | S3Place] = [place for name in named for place in self._found(name)]

    def __str__(self) -> str:
        more = f" and {len(self._named) - NAMED} more" if len(self._named) > NAMED else ""
        return ", ".join("standard input" if name == STDIN else name for name in self._named[:NAMED]) + more

    def files(self) -> list[Path]:
        """The files, each of them of this machine. Raises Problem for another, and for what is no file."""
        for place in self._places:
            if not isinstance(place, Path):
                raise place.problem("it is no file of this machine", "copy it here first")
            refuse_no_file(place, shown(str(place)))
        return [place for place in self._places if isinstance(place, Path)]

    @property
    def are_listed(self) -> bool:
        """Whether the batchers read the files by a list, as several."""
        return not self._single

    def check(self) -> None:
        """Look at the files of this machine. Raises Problem if one has no items, or what is named excludes another."""
        for place in self._places:
            if isinstance(place, Path):
                check_input_file(place, self._reading)
            elif place.is_prefix and not self._as_files and (len(self._places) > 1 or self._reading != AS_IT_IS):
                raise Problem(
                    f"--input {shown(str(place))}: each object below it is an item, of which no file is read",
                    "add --files to read the items of the files below it",
                )

    def upload(
        self, connection: Connection, stack: Stack, batch_id: str, say: Callable[[str], None] = lambda _: None
    ) -> JsonObject:
        """Upload what is of this machine, list what is several; returns the request's `input`. Raises Problem.

        `say` is told how far it is.
        """
        folder = f"{stack.outputs['InputPrefix']}{batch_id}/"
        listing = Listing(connection, stack, folder, say)
        single = self._single
        if isinstance(single, S3Place) and single.is_prefix and not self._as_files:
            return listing.put(f"{folder}objects.jsonl", listing.items_below(single))
        if isinstance(single, Path):
            entry: JsonObject = {"key": upload_file(connection, stack, f"{folder}{single.name}", single)}
        elif single and not single.is_prefix:
            entry = {"key": listing.entry_of(single, self._reading)["key"]}
        else:
            entries = self._entries(listing, connection, stack, folder)
            entry = {"key": listing.put(f"{folder}files.jsonl", entries)["key"], "listed": True}
        reading = self._reading.to_json()
        return {"bucket": stack.outputs["InputBucketName"], **entry} | ({"reading": reading} if reading else {})

    @property
    def _single(self) -> Path | S3Place | None:
        """The only input, unless that is a folder."""
        return self._places[0] if len(self._places) == 1 and not os.path.isdir(self._named[0]) else None

    def _entries(self, listing: Listing, connection: Connection, stack: Stack, folder: str) -> Iterable[JsonObject]:
        for number, place in enumerate(self._places, 1):
            if isinstance(place, Path):
                key = upload_file(connection, stack, f"{folder}{number:06d}/{place.name}", place)
                yield listing.entry_of(S3Place(stack.outputs["InputBucketName"], key))
            elif place.is_prefix:
                yield from listing.files_below(place)
            else:
                yield listing.entry_of(place, self._reading)

    def _found(self, name: str) -> Iterable[Path | S3Place]:
        if name.startswith("s3://"):
            return [S3Place.parse(name)]
        if self._spooled and is_stream(name):
            number = len(list(Path(self._spooled.name).iterdir()))
            if name == STDIN and sys.stdin.isatty():
                stderr.print("reading items from the keyboard: end with Ctrl-D", markup=False)
            with nullcontext(sys.stdin.buffer) if name == STDIN else open(name, "rb") as stream:
                return [spooled(stream, Path(self._spooled.name), f"stdin-{number}", self._reading)]
        path = Path(name)
        if os.path.isdir(name):
            files = sorted(file for file in path.iterdir() if file.is_file() and not file.name.startswith("."))
            if not files:
                raise Problem(f"--input {shown(name)}: there is no file in the folder")
            return files
        return [path]


def is_stream(name: str) -> bool:
    """Whether the name is that of the standard input, or of a pipe."""
    if name == STDIN:
        return True
    with suppress(OSError, ValueError):
        return stat.S_ISFIFO(Path(name).stat().st_mode)
    return False


def spooled(stream: BinaryIO, folder: Path, name: str, reading: Reading) -> Path:
    """A file with the stream's content, whose name says what `reading` or its first bytes say of it."""
    path = folder / name
    with path.open("wb") as file:
        shutil.copyfileobj(stream, file)
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    packed = head.startswith(GZIP)
    with suppress(Unreadable):
        head = as_utf_8(beginning_of_gzip(head) if packed else head, reading.encoding)
    guessed = {b"{": "jsonl", b"[": "json"}.get(head.removeprefix(codecs.BOM_UTF8).lstrip()[:1], "csv")
    return path.rename(path.with_name(f"{name}.{reading.format or guessed}{'.gz' if packed else ''}"))
