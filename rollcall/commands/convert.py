"""`rollcall convert`: turns Parquet, an Excel sheet or an export of DynamoDB into JSON Lines."""

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from bootstrap.problem import Problem
from rollcall.terminal.options import Json

if TYPE_CHECKING:
    from rollcall.inputs.convert.table import Table
    from rollcall.inputs.convert.write import Ids, Written

app = typer.Typer()


@app.command(
    epilog="Examples: [bold]rollcall convert orders.parquet --id-column order_id[/], "
    "[bold]rollcall convert orders.xlsx --sheet 2026 orders.jsonl.gz[/], "
    "[bold]rollcall convert ./01695097218000-a1b2c3d4 orders.jsonl --id-column pk[/]\n\n"
    "Types: dates and times become texts in ISO 8601, binaries texts in base64, NaN and Infinity texts; decimals keep "
    "every digit as numbers; lists, structs and maps are nested; sets become lists; the id becomes a text.\n\n"
    "Exit codes: 0 every row is written, 2 usage, or a file that cannot be converted: then nothing is written."
)
def convert(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A Parquet file, an Excel workbook (.xlsx), or an export of DynamoDB: its folder, or one part.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Argument(
            metavar="OUT", help="The new file; .jsonl.gz packs it, - is stdout.", show_default="FILE.jsonl, here"
        ),
    ] = None,
    id_column: Annotated[
        str | None, typer.Option(metavar="NAME", help="The column whose value is an item's id.", show_default="id")
    ] = None,
    line_ids: Annotated[bool, typer.Option("--line-ids", help="An item's id is the number of its row.")] = False,
    sheet: Annotated[
        str | None, typer.Option(metavar="NAME", help="Excel: the sheet.", show_default="the only one")
    ] = None,
    header_row: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Excel: the row with the columns' names.", show_default="the first"),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace OUT.")] = False,
    as_json: Json = False,
) -> None:
    """Write each row as an item, a line of JSON. Memory does not grow with the file."""
    from rollcall.inputs.convert.write import ID, Ids
    from rollcall.terminal.console import print_json, print_next, print_rows, stderr
    from rollcall.views.convert import converted_json, converted_rows, notes

    if id_column is not None and line_ids:
        raise typer.BadParameter("exclude each other", param_hint="--id-column/--line-ids")
    place = out or Path(f"{Path(file.resolve().name.removesuffix('.gz')).stem}.jsonl")
    to_stdout = str(place) == "-"
    if to_stdout and as_json:
        raise typer.BadParameter("the items go to stdout already", param_hint="--json")
    table, written = converted(file, place, Ids(None if line_ids else id_column or ID), sheet, header_row, force)
    if as_json:
        print_json(converted_json(table, written, str(place)))
    elif to_stdout:
        for note in notes(written):
            stderr.print(note, markup=False, soft_wrap=True)
    else:
        print_rows(converted_rows(table, written, str(place)))
        print_next({f"rollcall check {quote(str(place))}": "what a batch of it comes to, and costs"})


def converted(
    file: Path, place: Path, ids: "Ids", sheet: str | None, header_row: int | None, force: bool
) -> tuple["Table", "Written"]:
    """Write the items, and show on stderr how far it has come. Raises Problem; then there is no new file."""
    from costs.format import count
    from rollcall.batches.input_file import refuse_no_file
    from rollcall.inputs.convert.kinds import table_of
    from rollcall.inputs.convert.write import new_file, write
    from rollcall.terminal.ticker import ticker

    if not file.is_dir():
        refuse_no_file(file, str(file))
    table = table_of(file, sheet, header_row)
    if table.columns is not None:
        ids.check(table.columns, str(file))
    of = f" of {count(table.total)}" if table.total else ""
    with new_file(place, force) as out, ticker() as tell:
        written = write(table, ids, out, lambda rows: tell(f"converting {file.name}: {count(rows)}{of} rows"))
        if not written.items:
            raise Problem(f"{file}: {table.kind} has no rows, expected one at least")
    return table, written
