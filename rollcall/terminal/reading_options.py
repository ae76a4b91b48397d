"""The options that say how the items of a file are read."""

import csv
from dataclasses import dataclass
from shlex import quote
from typing import Annotated

import typer

from handlers.core.reading import FORMATS, Reading

PANEL = "How a file is read, where its name and first line do not tell"


def said(metavar: str, help: str) -> typer.models.OptionInfo:
    """An option that says something of the file."""
    option: typer.models.OptionInfo = typer.Option(
        metavar=metavar, help=help, show_default=False, rich_help_panel=PANEL
    )
    return option


@dataclass(frozen=True)
class ReadingOptions:
    """How files are read."""

    id_column: Annotated[str | None, said("NAME", "The column, or the field, whose value is an item's id.")] = None
    line_ids: Annotated[
        bool, typer.Option("--line-ids", help="An item's id is the number of its line.", rich_help_panel=PANEL)
    ] = False
    delimiter: Annotated[
        str | None, said("CHARACTER", "What separates the fields of CSV: a character, or tab or space.")
    ] = None
    header: Annotated[
        str | None, said("NAMES", "The columns of CSV that does not begin with them: --header id,name,value.")
    ] = None
    encoding: Annotated[str | None, said("NAME", "The file's encoding, such as cp1252, utf-16-le, shift_jis.")] = None
    format: Annotated[
        str | None, said("FORMAT", f"Whatever the file's name says: {', '.join(FORMATS[:-1])} or {FORMATS[-1]}.")
    ] = None

    def reading(self) -> Reading:
        """What the options say. Raises typer.BadParameter, which names the option."""
        given = {
            "idColumn": self.id_column,
            "lineIds": self.line_ids or None,
            "delimiter": self.delimiter,
            "header": next(csv.reader([self.header]), []) if self.header is not None else None,
            "encoding": self.encoding,
            "format": self.format,
        }
        if self.id_column is not None and self.line_ids:
            raise typer.BadParameter("exclude each other", param_hint="--id-column/--line-ids")
        try:
            return Reading.parse(given)
        except ValueError as error:
            field, _, rest = str(error).partition(": ")
            option = {"idColumn": "id-column", "lineIds": "line-ids", "reading": "format"}.get(
                name := field.removeprefix("reading."), name
            )
            raise typer.BadParameter(rest, param_hint=f"--{option}") from None

    def words(self) -> list[str]:
        """The options again, as words of a command line."""
        texts = {"--id-column": self.id_column, "--delimiter": self.delimiter, "--header": self.header}
        texts |= {"--encoding": self.encoding, "--format": self.format}
        given = [quote(word) for name, text in texts.items() if text is not None for word in (name, text)]
        return given + ["--line-ids"] * self.line_ids
