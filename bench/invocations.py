"""The duration of a function's invocations, warm and cold, for a caller with boto3."""

import base64
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bootstrap.packaging import Package
from bootstrap.problem import Problem
from rollcall.commands.logs import read
from rollcall.target.connection import Connection

PROBE = Path(__file__).with_name("probe.py")
# Enough of a role for the sandbox, which enforces none.
ROLE = "arn:aws:iam::000000000000:role/rollcall-bench"
LOOK_EVERY = {"Delay": 0.1}
MEMORY_USED = re.compile(r"REPORT RequestId: .*Max Memory Used: (\d+) MB", re.DOTALL)


class Probe:
    """The function of probe.py, deployed. `lambda_` is boto3's client."""

    def __init__(self, lambda_: Any) -> None:
        self._lambda = lambda_
        self._name = "rollcall-bench-probe"
        lambda_.create_function(
            FunctionName=self._name,
            Runtime="python3.13",
            Handler="probe.handler",
            Role=ROLE,
            MemorySize=256,
            Code={"ZipFile": Package({PROBE.name: PROBE.read_bytes()}).zip()},
        )
        lambda_.get_waiter("function_active_v2").wait(FunctionName=self._name, WaiterConfig=LOOK_EVERY)

    def warm_milliseconds(self, times: int) -> list[float]:
        """The milliseconds of `times` invocations, one after another, after one that does not count."""
        self._invoke()
        return [self._invoke()[0] for _ in range(times)]

    def cold_milliseconds(self, times: int) -> list[float]:
        """The milliseconds of `times` invocations, each in a new environment.

        Before each one, a change of the function makes its environments obsolete. Raises Problem if one was warm all
        the same.
        """
        return list(self._cold(times))

    def _cold(self, times: int) -> Iterator[float]:
        for number in range(1, times + 1):
            self._lambda.update_function_configuration(FunctionName=self._name, Description=f"cold start {number}")
            updated = self._lambda.get_waiter("function_updated_v2")
            updated.wait(FunctionName=self._name, WaiterConfig=LOOK_EVERY)
            took, log = self._invoke()
            if "Init Duration" not in log:
                raise Problem(f"{self._name}: invocation {number} after a change was no cold start:\n{log}")
            yield took

    def _invoke(self) -> tuple[float, str]:
        """Returns milliseconds and the end of the invocation's log. Raises Problem if the function fails."""
        began = time.perf_counter()
        answer = self._lambda.invoke(FunctionName=self._name, Payload=b"{}", LogType="Tail")
        payload = answer["Payload"].read()
        took = (time.perf_counter() - began) * 1000
        if "FunctionError" in answer:
            raise Problem(f"{self._name} failed: {payload.decode()}")
        return took, base64.b64decode(answer["LogResult"]).decode()


def peak_mb(connection: Connection, function_name: str) -> float:
    """The peak memory of a function in MB, by the REPORT lines of its log; waits for the first of them."""
    while True:
        lines = (event["message"] for event in read(connection.client("logs"), f"/aws/lambda/{function_name}", 0))
        found = [float(used[1]) for used in map(MEMORY_USED.match, lines) if used]
        if found:
            return max(found)
        # An invocation's comes after what the invocation has done.
        time.sleep(0.5)
