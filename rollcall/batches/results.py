"""The results of a batch: what `process` returned, by item, from the objects in the stack's results bucket."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from botocore.exceptions import ClientError

from bootstrap.problem import Problem
from rollcall.batches.batch import OneBatch, Result
from rollcall.target.connection import Connection, Stack

type Line = dict[str, Any]
"""`id` and `result` of an item."""


def results_place(stack: Stack, batch_id: str) -> str | None:
    """The URL below which the batch's results lie, a folder for each generation; None if the stack collects none."""
    bucket = stack.parameters.get("ResultsBucket")
    return f"s3://{bucket}/{folder_of(batch_id, 0).removesuffix('0/')}" if bucket else None


def folder_of(batch_id: str, generation: int) -> str:
    """Where the objects of a generation lie in the bucket."""
    # It imports boto3, which takes half a second, for which `rollcall run --help` need not wait.
    from handlers.aws.results import folder

    return folder(batch_id, generation)


@dataclass(frozen=True)
class Results:
    """The results of some generations of a batch. `s3` is a boto3 client."""

    s3: Any
    bucket: str
    batch_id: str
    generations: range

    def lines(self) -> Iterator[Line]:
        """Yield every item's result once, the latest generation's first.

        An item that was processed again has a result in several objects or generations: the latest counts. Items are
        told apart by their ids, across objects of one chunk and across generations.
        """
        later: set[str] = set()
        for generation in reversed(self.generations):
            found: set[str] = set()
            for line in self._lines_of(generation):
                if line["id"] not in later:
                    yield line
                if generation > self.generations.start:
                    found.add(line["id"])
            later |= found

    def _lines_of(self, generation: int) -> Iterator[Line]:
        """The results of one generation, chunk by chunk."""
        for _, keys in groupby(self._keys(generation), key=chunk_of):
            chunk: list[Line] = []
            for key in keys:
                lines = [json.loads(line) for line in self._body(key).splitlines()]
                again = {line["id"] for line in lines}
                chunk = [line for line in chunk if line["id"] not in again] + lines
            yield from chunk

    def _keys(self, generation: int) -> Iterator[str]:
        """The keys of the generation's objects in order, by its manifest or, if that has not all of them, by a list."""
        prefix = folder_of(self.batch_id, generation)
        try:
            manifest = json.loads(self._body(f"{prefix}manifest.json"))
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchKey":
                raise
            manifest = {"complete": False}
        if manifest["complete"]:
            yield from (entry["key"] for entry in manifest["objects"])
            return
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix):
            yield from (found["Key"] for found in page.get("Contents", []) if found["Key"].endswith(".jsonl"))

    def _body(self, key: str) -> bytes:
        body: bytes = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return body


def chunk_of(key: str) -> str:
    """The part of an object's key that names its chunk: the objects of a chunk's attempts differ behind it."""
    return key.rpartition("/")[2].partition("-")[0]


def results_of(connection: Connection, batch: OneBatch, only: bool) -> Results:
    """The results of a batch that has ended: of its generation `only`, or of that and all before it.

    Raises Problem while it runs, and if its stack collects no results.
    """
    stack = connection.stack(batch.architecture)
    bucket = stack.parameters.get("ResultsBucket")
    if not bucket:
        raise Problem(
            f"stack {stack.name} collects no results: its parameter ResultsBucket is empty",
            "name a bucket, and run the batch again: `rollcall up --parameter ResultsBucket=my-results`"
            if connection.endpoint
            else "deploy it with --parameter ResultsBucket=NAME, and run the batch again",
        )
    if not isinstance(batch.observe(), Result):
        raise Problem(
            f"batch {batch.title} still runs: its results are complete when it has ended",
            f"see its end with `rollcall watch {batch.batch_id}`",
        )
    # Both stacks have that queue, and its URL has the account's number.
    account = stack.outputs["FinalizerQueueUrl"].split("/")[-2]
    return Results(
        connection.s3(account), bucket, batch.batch_id, range(batch.generation if only else 1, batch.generation + 1)
    )
