"""Tables without lines, as most commands print them."""

from rich.table import Table


def plain_table(*columns: str, right: tuple[str, ...] = (), fold: tuple[str, ...] = ()) -> Table:
    """An empty table with dim headers. `right` columns are aligned to the right, `fold` columns wrap their text."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for column in columns:
        justify, overflow = "right" if column in right else "left", "fold" if column in fold else "ellipsis"
        table.add_column(column, justify=justify, overflow=overflow, no_wrap=column not in fold)  # type: ignore[arg-type] # literals
    return table
