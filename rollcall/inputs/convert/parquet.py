"""Parquet, a batch of rows at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bootstrap.problem import Problem
from rollcall.inputs.convert.arrow import values
from rollcall.inputs.convert.libraries import library
from rollcall.inputs.convert.table import Row, Table, refuse_repeated

# Rows that are in memory at a time.
BATCH_ROWS = 1024


def parquet(path: Path) -> Table:
    """The rows of a Parquet file. Raises Problem if it is damaged, or needs a key."""
    pq = library("pyarrow.parquet", "Parquet")
    with told(path, "its footer"):
        opened = pq.ParquetFile(path, arrow_extensions_enabled=True)
    names = opened.schema_arrow.names
    refuse_repeated(names, str(path))
    columns = {field.name: str(field.type) for field in opened.schema_arrow}
    return Table("Parquet", rows(path, opened), columns, opened.metadata.num_rows)


def rows(path: Path, opened: Any) -> Iterator[Row]:
    """Yield the rows. Raises Problem where they cannot be read."""
    read = 0
    batches = opened.iter_batches(batch_size=BATCH_ROWS, use_threads=False)
    while True:
        with told(path, f"what follows row {read:,}"):
            batch = next(batches, None)
            if batch is None:
                return
            columns = [values(column) for column in batch.columns]
        names = batch.schema.names
        for row in zip(*columns, strict=True):
            yield dict(zip(names, row, strict=True))
        read += batch.num_rows


@contextmanager
def told(path: Path, what: str) -> Iterator[None]:
    """Turn pyarrow's errors into a Problem that says what cannot be read."""
    import pyarrow as pa

    try:
        yield
    except pa.ArrowNotImplementedError:
        raise Problem(
            f"{path}: {what} is written with a compression or an encoding that cannot be read here",
            "write the file anew with compression zstd or snappy",
        ) from None
    except (pa.ArrowException, OSError) as error:
        if "ncrypted" in str(error) or "decrypt" in str(error):
            raise Problem(
                f"{path}: {what} is encrypted, expected Parquet that can be read without a key",
                "write the file anew, without encryption",
            ) from None
        raise Problem(f"{path}: {what} is damaged or missing, expected whole Parquet", "copy the file anew") from None
