"""Deploys handlers for the tests of the process executor, and calls them: a pytest plugin of those tests."""

import base64
import io
import json
import uuid
import zipfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.probes import eventually

HANDLERS = Path(__file__).with_name("executor_functions.py")
ROLE = "arn:aws:iam::000000000000:role/executor-test"


@dataclass(frozen=True)
class Answer:
    """`error` is None when the invocation succeeded; `log` is the decoded LogResult."""

    error: str | None
    payload: Any
    log: str
    request_id: str

    def report(self) -> str:
        """The REPORT line."""
        return next(line for line in self.log.splitlines() if line.startswith("REPORT "))


@dataclass(frozen=True)
class Function:
    aws: Callable[[str], Any]
    name: str

    def invoke(self, event: Any = None, **options: Any) -> Answer:
        response = self.aws("lambda").invoke(
            FunctionName=self.name, Payload=json.dumps(event or {}), LogType="Tail", **options
        )
        return Answer(
            response.get("FunctionError"),
            json.loads(response["Payload"].read()),
            base64.b64decode(response["LogResult"]).decode(),
            response["ResponseMetadata"]["RequestId"],
        )

    def meet(self, count: int) -> list[Answer]:
        """Answers of so many invocations, each of which waits until all are under way."""
        with ThreadPoolExecutor(count) as callers:
            return list(callers.map(self.invoke, [self.meeting(count)] * count))

    def meeting(self, count: int) -> dict[str, Any]:
        """The event of so many invocations that wait for one another."""
        return {"meeting": {"name": f"rollcall-meeting-{uuid.uuid4().hex}", "count": count}}

    def update_code(self, source: str) -> None:
        self.aws("lambda").update_function_code(FunctionName=self.name, ZipFile=zipped({"app.py": source}))
        self.settle()

    def update_configuration(self, **settings: Any) -> None:
        self.aws("lambda").update_function_configuration(FunctionName=self.name, **settings)
        self.settle()

    def log_events(self) -> list[list[str]]:
        """The messages in CloudWatch Logs, one list for each log stream."""
        logs, group = self.aws("logs"), f"/aws/lambda/{self.name}"
        try:
            streams = logs.describe_log_streams(logGroupName=group)["logStreams"]
        except logs.exceptions.ResourceNotFoundException:
            return []
        events = logs.get_paginator("filter_log_events")
        return [
            [
                event["message"]
                for page in events.paginate(logGroupName=group, logStreamNames=[stream["logStreamName"]])
                for event in page["events"]
            ]
            for stream in streams
        ]

    def settle(self) -> None:
        """Wait until the last change of it is in effect."""

        def settled() -> None:
            configuration = self.aws("lambda").get_function_configuration(FunctionName=self.name)
            assert configuration["State"] != "Pending"
            assert configuration["LastUpdateStatus"] != "InProgress"

        eventually(settled, interval=0.05)


def zipped(files: dict[str, str]) -> bytes:
    """The same files make the same zip."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as content:
        for name, text in files.items():
            content.writestr(zipfile.ZipInfo(name), text)
    return archive.getvalue()


@pytest.fixture(scope="module")
def deploy(aws: Callable[[str], Any]) -> Iterator[Callable[..., Function]]:
    """`deploy("who")` deploys that handler of executor_functions.py, `deploy(source=text)` the `handler` in `text`.

    Other arguments are those of CreateFunction. At the end of the module all are deleted, with their logs.
    """
    deployed: list[Function] = []

    def deploy_one(handler: str = "", source: str = "", **settings: Any) -> Function:
        deployed.append(create(aws, handler, source, **settings))
        return deployed[-1]

    yield deploy_one
    for function in deployed:
        _delete(function)


def create(
    aws: Callable[[str], Any],
    handler: str = "",
    source: str = "",
    files: Mapping[str, str] | None = None,
    **settings: Any,
) -> Function:
    """Create one function, as `deploy` does, and wait until it can be invoked. `files` lie beside its `source`."""
    function = Function(aws, f"executor-{uuid.uuid4().hex[:12]}")
    where, code = f"functions.{handler}", {"functions.py": HANDLERS.read_text()}
    if source:
        where, code = "app.handler", {"app.py": source, **(files or {})}
    arguments = {"Handler": where, "Runtime": "python3.13", "Role": ROLE, "Timeout": 20, **settings}
    aws("lambda").create_function(FunctionName=function.name, Code={"ZipFile": zipped(code)}, **arguments)
    function.settle()
    return function


def _delete(function: Function) -> None:
    functions, logs = function.aws("lambda"), function.aws("logs")
    try:
        functions.delete_function(FunctionName=function.name)
        logs.delete_log_group(logGroupName=f"/aws/lambda/{function.name}")
    except (functions.exceptions.ResourceNotFoundException, logs.exceptions.ResourceNotFoundException):
        return  # the test itself has deleted it, or it never logged
