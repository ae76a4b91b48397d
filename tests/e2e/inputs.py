"""Input of the tests' own batches."""

import csv
import gzip
import io
import json
import uuid


def items(count: int, **fields) -> tuple[str, list[dict]]:
    """Items that no other test has, and what their ids begin with."""
    prefix = f"t{uuid.uuid4().hex[:10]}-"
    return prefix, [{"id": f"{prefix}{n}", "value": 0, **fields} for n in range(count)]


def json_lines(rows: list[dict]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def csv_gz(rows: list[dict]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return gzip.compress(text.getvalue().encode())
