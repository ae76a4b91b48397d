"""Your source: where the items of a batch come from. Change this file and work.py, and nothing else.

The same request must give the same items in the same order, because a batcher that died is resumed in mid-batch.
"""

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from itertools import islice

import boto3
from botocore.exceptions import ClientError, ParamValidationError

from handlers.batch import BatchRequest, InputObject, InvalidRequest
from handlers.items import MAX_ITEM_BYTES, invalid_item


def items(request: BatchRequest, batch_id: str, start: int = 0) -> Iterator[dict]:
    """Yield the batch's items from index `start` on, each an object with an `id` unique in its batch.

    Raises InvalidRequest when the input as a whole cannot be read.
    """
    if request.input:
        return islice(object_items(request.input), start, None)
    return random_items(request, batch_id, start)


def random_items(request: BatchRequest, batch_id: str, start: int) -> Iterator[dict]:
    """Items of the example: a random `value` up to `maxValue`, drawn from the batch's id and the item's index."""
    for index in range(start, request.items):
        draw = int.from_bytes(blake2b(f"{batch_id}/{index}".encode(), digest_size=8).digest())
        item = {"id": f"{index:09d}", "value": draw % (request.max_value + 1)}
        if (draw >> 32) < request.fail_rate * 2**32:
            item["fail"] = True
        yield item


def object_items(source: InputObject) -> Iterator[dict]:
    """Stream the items of an S3 object: JSON Lines or CSV with a header, plain or gzipped, by the key's ending."""
    name = source.key.removesuffix(".gz")
    readers = {".jsonl": json_lines, ".csv": csv_rows}
    reader = next((reader for ending, reader in readers.items() if name.endswith(ending)), None)
    if not reader:
        raise InvalidRequest(f"input.key: {source.key!r} must end in .jsonl, .csv, .jsonl.gz or .csv.gz")
    s3 = boto3.client("s3")
    try:
        body = s3.get_object(Bucket=source.bucket, Key=source.key)["Body"]
    except ParamValidationError as error:
        raise InvalidRequest(f"input: s3://{source.bucket}/{source.key}: {error}") from error
    except ClientError as error:
        # Missing, forbidden, archived: trying again does not help. What S3 cannot do now has a status from 500 on.
        if error.response["ResponseMetadata"]["HTTPStatusCode"] < 500:
            code = error.response["Error"]["Code"]
            raise InvalidRequest(f"input: cannot read s3://{source.bucket}/{source.key}: {code}") from error
        raise
    stream = gzip.GzipFile(fileobj=body) if source.key.endswith(".gz") else body
    try:
        yield from reader(bounded_lines(io.BufferedReader(stream)))
    except (gzip.BadGzipFile, zlib.error, EOFError, csv.Error) as broken:
        raise InvalidRequest(f"input: s3://{source.bucket}/{source.key} is not whole: {broken}") from broken


def bounded_lines(stream: io.BufferedReader) -> Iterator[str]:
    """Lines of at most MAX_ITEM_BYTES + 1 bytes; what is longer is cut there, so that no line fills the memory."""
    while line := stream.readline(MAX_ITEM_BYTES + 1):
        while len(line) > MAX_ITEM_BYTES and not line.endswith(b"\n"):
            rest = stream.readline(MAX_ITEM_BYTES)
            if not rest or rest.endswith(b"\n"):
                break
        yield line.decode("utf-8", errors="replace")


def json_lines(lines: Iterable[str]) -> Iterator[dict]:
    """One JSON object a line; empty lines are passed over, a bad line becomes an item that fails with the reason."""
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        if len(line) > MAX_ITEM_BYTES:
            yield invalid_item(f"line-{number}", f"longer than {MAX_ITEM_BYTES} bytes")
            continue
        try:
            item = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield invalid_item(f"line-{number}", f"not JSON: {error}")
            continue
        yield item if isinstance(item, dict) else invalid_item(f"line-{number}", "not a JSON object")


def csv_rows(lines: Iterable[str]) -> Iterator[dict]:
    """One item a row, with the header's names as its fields and strings as their values."""
    for number, row in enumerate(csv.DictReader(lines), start=2):
        if None in row:
            yield invalid_item(f"line-{number}", "more fields than the header has")
        else:
            yield row
