"""The functions' code, changed in the functions themselves: a change set would update one after another."""

from base64 import b64encode
from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from hashlib import sha256

from bootstrap.aws import Session


def update_functions(session: Session, names: Iterable[str], place: Mapping[str, str]) -> None:
    """Give the functions the code at `place` (`CodeBucket`, `CodeKey`), all at a time, and wait until that is done."""
    functions = session.client("lambda")

    def update(name: str) -> None:
        functions.update_function_code(FunctionName=name, S3Bucket=place["CodeBucket"], S3Key=place["CodeKey"])
        functions.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.1})

    with ThreadPoolExecutor() as pool:
        list(pool.map(update, names))


def with_other_code(session: Session, names: Iterable[str], code: bytes) -> list[str]:
    """The names of the functions whose code is not the zip `code`."""
    functions, digest = session.client("lambda"), b64encode(sha256(code).digest()).decode()
    return [name for name in names if functions.get_function_configuration(FunctionName=name)["CodeSha256"] != digest]


def function_names(outputs: Mapping[str, str]) -> Iterator[str]:
    """The names of a stack's functions, which are among its outputs."""
    return (value for key, value in outputs.items() if key.endswith("FunctionName"))


def remove_orphans(session: Session, stack: str, functions: Collection[str]) -> None:
    """Delete event sources of functions that a sandbox's stack has no more: a failed update makes its engine forget
    them, and their pollers would ask for queues that are gone, again and again."""
    client = session.client("lambda")
    for page in client.get_paginator("list_event_source_mappings").paginate():
        for source in page["EventSourceMappings"]:
            name = source["FunctionArn"].rpartition(":")[2]
            if name.startswith(f"{stack}-") and name not in functions:
                # The engine may still be deleting it.
                with suppress(client.exceptions.ResourceNotFoundException):
                    client.delete_event_source_mapping(UUID=source["UUID"])
