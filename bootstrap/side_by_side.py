"""The same thing done to several stacks at once."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from bootstrap.failures import DeployFailed, Failure


def side_by_side[T](do: Callable[[str], T], names: Iterable[str]) -> dict[str, T]:
    """`do(name)` for every name, in a thread each; all run to their end.

    Raises one DeployFailed for everything that failed.
    """
    with ThreadPoolExecutor() as pool:
        running = {name: pool.submit(do, name) for name in names}
    results: dict[str, T] = {}
    failures: list[Failure] = []
    for name, future in running.items():
        try:
            results[name] = future.result()
        except DeployFailed as error:
            failures += error.failures
    if failures:
        raise DeployFailed(failures)
    return results
