"""Run the user's work on items: several at a time, within the time that Lambda leaves. Pure but for the clock."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from handlers.items import ERROR_KEY

MAX_ERROR_LENGTH = 1000


@dataclass
class Results:
    """Indexes of the items that are done, the errors of those that failed; `left` were not begun for want of time."""

    done: list[int] = field(default_factory=list)
    failed: dict[int, str] = field(default_factory=dict)
    left: list[int] = field(default_factory=list)


def run_items(
    items: Mapping[int, dict],
    process: Callable[[dict], Any],
    concurrency: int,
    has_time: Callable[[], bool],
) -> Results:
    """Call `process` for every item, at most `concurrency` at a time, beginning none once `has_time()` is false."""
    queue = iter(sorted(items))
    results = Results()

    def worker() -> None:
        # next() on a shared iterator and appending to a list are atomic under the interpreter's lock.
        for index in queue:
            if not has_time():
                results.left.append(index)
                return
            item = items[index]
            if ERROR_KEY in item:
                results.failed[index] = f"InvalidItem: {item[ERROR_KEY]}"
                continue
            try:
                process(item)
            except Exception as error:  # noqa: BLE001 - whatever the user's work raises is that item's failure
                results.failed[index] = f"{type(error).__name__}: {error}"[:MAX_ERROR_LENGTH]
            else:
                results.done.append(index)

    workers = min(concurrency, len(items))
    if workers == 1:
        worker()
    elif workers:
        with ThreadPoolExecutor(workers) as pool:
            for future in [pool.submit(worker) for _ in range(workers)]:
                future.result()
    results.left.extend(queue)
    return results
