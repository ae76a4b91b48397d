"""AWS's metering rules: what a call, an item, an execution or a log line is billed as. Pure; the plan uses them too.

The size of a DynamoDB item is in `item_size`.
"""

import math

WRITE_BYTES = 1024
READ_BYTES = 4096
SQS_STEP_BYTES = 64 * 1024
MEGABYTE = 1024 * 1024
EXPRESS_BASE_BYTES = 50 * MEGABYTE
EXPRESS_STEP_MB = 64
EXPRESS_STEP_MS = 100


def write_units(size: float) -> int:
    """A write of one DynamoDB item: a unit for each KB, and at least one, even if there is no item.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
    """
    return max(1, math.ceil(size / WRITE_BYTES))


def read_units(size: float, consistent: bool = True) -> float:
    """A read of DynamoDB: a unit for each 4 KB, and at least one; half of that if it is eventually consistent."""
    return max(1, math.ceil(size / READ_BYTES)) * (1 if consistent else 0.5)


def sqs_requests(size: float) -> int:
    """A call of SQS: "each 64 KB chunk of a payload is billed as 1 request". https://aws.amazon.com/sqs/pricing/"""
    return max(1, math.ceil(size / SQS_STEP_BYTES))


def lambda_gb_seconds(milliseconds: float, memory_mb: float) -> float:
    """Billed time times memory: https://aws.amazon.com/lambda/pricing/"""
    return milliseconds / 1000 * memory_mb / 1024


def express_memory_gb(definition_bytes: int, payload_bytes: int = 0, steps: int = 0) -> float:
    """Memory of an EXPRESS execution, in steps of 64 MB: 50 MB, the definition, and the payload of each step.

    `steps` is the number of Map and Parallel states. https://aws.amazon.com/step-functions/pricing/
    """
    memory = EXPRESS_BASE_BYTES + definition_bytes + payload_bytes * steps
    return math.ceil(memory / MEGABYTE / EXPRESS_STEP_MB) * EXPRESS_STEP_MB / 1024


def express_billed_ms(duration_ms: float) -> int:
    """Milliseconds of an EXPRESS execution, in steps of 100."""
    return max(1, math.ceil(duration_ms / EXPRESS_STEP_MS)) * EXPRESS_STEP_MS


def start_line(request_id: str, version: str) -> str:
    """Lambda's first log line of an invocation: https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html"""
    return f"START RequestId: {request_id} Version: {version}"


def end_line(request_id: str) -> str:
    """Lambda's log line at the end of an invocation."""
    return f"END RequestId: {request_id}"


def report_line(
    request_id: str, duration_ms: float, init_ms: float | None, memory_mb: int, used_mb: int, status: str = ""
) -> str:
    """Lambda's last log line of an invocation, its bill.

    AWS bills init and duration together, rounded up to 1 ms; `init_ms` is None in a warm environment.
    """
    billed = math.ceil(duration_ms + (init_ms or 0))
    init = "" if init_ms is None else f"Init Duration: {init_ms:.2f} ms\t"
    return (
        f"REPORT RequestId: {request_id}\tDuration: {duration_ms:.2f} ms\tBilled Duration: {billed} ms\t"
        f"Memory Size: {memory_mb} MB\tMax Memory Used: {min(used_mb, memory_mb)} MB\t{init}{status}"
    )
