"""Run the user's work on items: several at a time, within the time that Lambda leaves. Pure but for the clock."""

import json
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from handlers.items import ERROR_KEY

MAX_ERROR_LENGTH = 1000
MAX_RESULT_BYTES = 16 * 1024
# With less than this left beside the longest item so far none is begun; what is done by then is written down.
STOP_MS = 2_000


class InvalidResult(ValueError):
    """What `process` returned cannot be kept: it is no JSON value, or too large a one."""


@dataclass
class Results:
    """Indexes of the items that are done, the errors of those that failed; `left` were not begun for want of time.

    `invalid` are those of the failed that are no items: another attempt would not help. `values` are what `process`
    returned for the done ones, where results are kept and there was one. `work_ms` is the time in which at least one
    item was being processed, by the clock of the wall: what of Lambda's bill is the work's own.
    """

    done: list[int] = field(default_factory=list)
    failed: dict[int, str] = field(default_factory=dict)
    left: list[int] = field(default_factory=list)
    invalid: set[int] = field(default_factory=set)
    values: dict[int, Any] = field(default_factory=dict)
    work_ms: int = 0


def run_items(
    items: Mapping[int, dict],
    process: Callable[[dict], Any],
    concurrency: int,
    has_time: Callable[[int], bool],
    keep_values: bool = False,
) -> Results:
    """Call `process` for every item, at most `concurrency` at a time, beginning none once `has_time` is false.

    It is asked whether there is time for one more as long as the longest of these so far, in milliseconds: an item that
    overruns the invocation takes with it what the others came to.

    With `keep_values`, an item whose result is not JSON of at most 16 KiB has failed.
    """
    queue = iter(sorted(items))
    results = Results()
    longest = 0
    spans: list[tuple[int, int]] = []

    def worker() -> None:
        nonlocal longest
        # next() on a shared iterator and adding to a list, dict or set are atomic under the interpreter's lock.
        for index in queue:
            if not has_time(longest):
                results.left.append(index)
                return
            item = items[index]
            if ERROR_KEY in item:
                results.failed[index] = f"InvalidItem: {item[ERROR_KEY]}"
                results.invalid.add(index)
                continue
            began = time.time_ns()
            try:
                # A copy: what the work does to its item must not change what is recorded when it fails.
                value = process({**item})
                if keep_values and value is not None:
                    results.values[index] = checked_result(value)
            except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever the user's work raises is that item's failure
                results.failed[index] = error_text(error)
            else:
                results.done.append(index)
            ended = time.time_ns()
            spans.append((began, ended))
            longest = max(longest, (ended - began) // 1_000_000)

    workers = min(concurrency, len(items))
    if workers == 1:
        worker()
    elif workers:
        with ThreadPoolExecutor(workers) as pool:
            for future in [pool.submit(worker) for _ in range(workers)]:
                future.result()
    results.left.extend(queue)
    if spans:
        # No worker rests before the items are through, so there is no gap between the first and the last.
        work_ns = max(ended for _, ended in spans) - min(began for began, _ in spans)
        results.work_ms = round(work_ns / 1_000_000)
    return results


def error_text(error: BaseException) -> str:
    """The error's type and message, of a length and in characters that every service takes."""
    return f"{type(error).__name__}: {error}"[:MAX_ERROR_LENGTH].encode("utf-8", "replace").decode()


def checked_result(value: Any) -> Any:
    """`value` if it can be kept. Raises InvalidResult."""
    try:
        size = len(json.dumps(value, separators=(",", ":"), allow_nan=False))
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidResult(f"the result is no JSON value: {error}") from error
    if size > MAX_RESULT_BYTES:
        raise InvalidResult(f"the result is {size:,} bytes of JSON, {MAX_RESULT_BYTES:,} may be kept")
    return value
