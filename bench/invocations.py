"""The duration of a function's invocations, warm and cold, for a caller with boto3."""

import re
import time
from pathlib import Path
from typing import Any

from bootstrap.packaging import Package
from bootstrap.problem import Problem
from rollcall.batches.function_logs import read
from rollcall.target.connection import Connection

PROBE = Path(__file__).with_name("probe.py")
# Enough of a role for the sandbox, which enforces none.
ROLE = "arn:aws:iam::000000000000:role/rollcall-bench"
LOOK_EVERY = {"Delay": 0.1}
MEMORY_USED = re.compile(r"REPORT RequestId: .*Max Memory Used: (\d+) MB", re.DOTALL)


class Probe:
    """The function of probe.py, deployed. `lambda_` is boto3's client."""

    def __init__(self, lambda_: Any, keeps_environments: bool = False) -> None:
        """`keeps_environments`: whether, unlike AWS, the engine keeps them after a change of anything but the code."""
        self._lambda = lambda_
        self._keeps_environments = keeps_environments
        self._code = Package({PROBE.name: PROBE.read_bytes()}).zip()
        self._name = "rollcall-bench-probe"
        lambda_.create_function(
            FunctionName=self._name,
            Runtime="python3.13",
            Handler="probe.handler",
            Role=ROLE,
            MemorySize=256,
            Code={"ZipFile": self._code},
        )
        lambda_.get_waiter("function_active_v2").wait(FunctionName=self._name, WaiterConfig=LOOK_EVERY)

    def invoke(self) -> int:
        """Invoke it, in the environment that there is. Returns which invocation of its environment it was.

        Raises Problem if it fails.
        """
        answer = self._lambda.invoke(FunctionName=self._name, Payload=b"{}")
        payload = answer["Payload"].read()
        if "FunctionError" in answer:
            raise Problem(f"{self._name} failed: {payload.decode()}")
        return int(payload)

    def cold_milliseconds(self, number: int) -> float:
        """The milliseconds of an invocation in a new environment.

        Before it, a change of the function makes its environments obsolete. Raises Problem if it was warm all the same.
        """
        self._lambda.update_function_configuration(FunctionName=self._name, Description=f"cold start {number}")
        if self._keeps_environments:
            self._lambda.update_function_code(FunctionName=self._name, ZipFile=self._code)
        updated = self._lambda.get_waiter("function_updated_v2")
        updated.wait(FunctionName=self._name, WaiterConfig=LOOK_EVERY)
        began = time.perf_counter()
        invocation = self.invoke()
        took = (time.perf_counter() - began) * 1000
        if invocation != 1:
            raise Problem(f"{self._name}: its environment of before the change served invocation {invocation}")
        return took


def peak_mb(connection: Connection, function_name: str) -> float:
    """The peak memory of a function in MB, by the REPORT lines of its log; waits for the first of them."""
    while True:
        lines = (event["message"] for event in read(connection.client("logs"), f"/aws/lambda/{function_name}", 0))
        found = [float(used[1]) for used in map(MEMORY_USED.match, lines) if used]
        if found:
            return max(found)
        # An invocation's comes after what the invocation has done.
        time.sleep(0.5)
