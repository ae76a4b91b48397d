"""The functions' code, changed in the functions themselves: a change set would update one after another."""

from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
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
