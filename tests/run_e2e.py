"""Run tests/e2e on every engine this machine has, and say loudly which one was left out: `python -m tests.run_e2e`.

Most of a run is waiting. So the engines run side by side, what the second one says following the first one's, and each
has two workers, every worker with a sandbox of its own. Arguments go to pytest. The exit code is 0 only if every run
passed. With REQUIRE_DOCKER=1 a machine without Docker fails before anything runs.
"""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from tempfile import TemporaryFile
from typing import BinaryIO

from sandbox import docker


def left_out() -> dict[str, str]:
    """The engines that cannot run here, and why."""
    reasons = {
        "native": None if sys.platform == "linux" else f"it needs Linux or WSL, this is {sys.platform}",
        "docker": docker.missing(),
    }
    return {engine: reason for engine, reason in reasons.items() if reason}


def run(engine: str, arguments: list[str], output: BinaryIO) -> tuple[bool, str]:
    """Run the suite on `engine`, passing what it says to `output`: whether it passed, and pytest's closing line."""
    color = "yes" if sys.stdout.isatty() else "no"
    workers = ["--numprocesses", "2", "--no-loadscope-reorder"]
    command = [sys.executable, "-m", "pytest", "tests/e2e", "--engine", engine, "--color", color, *workers, *arguments]
    said = b""
    with subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0) as pytest:
        assert pytest.stdout
        while chunk := pytest.stdout.read(65536):
            output.write(chunk)
            output.flush()
            said = (said + chunk)[-2000:]
    closing = said.decode(errors="replace").strip().rpartition("\n")[2].strip(" =")
    return pytest.returncode == 0, closing or f"pytest ended with {pytest.returncode}"


def run_side_by_side(engines: list[str], arguments: list[str]) -> dict[str, tuple[bool, str]]:
    """Run the suite on every engine; the first one's output is seen as it comes."""
    with ThreadPoolExecutor() as pool, ExitStack() as files:
        outputs = [sys.stdout.buffer, *(files.enter_context(TemporaryFile()) for _ in engines[1:])]
        running = [
            pool.submit(run, engine, arguments, output) for engine, output in zip(engines, outputs, strict=False)
        ]
        results = {}
        for engine, output, ended in zip(engines, outputs, running, strict=False):
            results[engine] = ended.result()
            if output is not sys.stdout.buffer:
                banner(f"end to end, {engine}")
                output.seek(0)
                shutil.copyfileobj(output, sys.stdout.buffer)
                sys.stdout.buffer.flush()
        return results


def banner(*lines: str) -> None:
    """Print lines that stand out from pytest's own."""
    rule = "#" * 100
    print(f"\n{rule}", *(f"#  {line}" for line in lines), rule, sep="\n", flush=True)


def main() -> int:
    """Run every engine there is, then print one line about each."""
    missing = left_out()
    absences = [f"{engine}: LEFT OUT, {reason}" for engine, reason in missing.items()]
    if "docker" in missing and os.environ.get("REQUIRE_DOCKER") == "1":
        banner("REQUIRE_DOCKER=1, but the suite cannot run in Docker", *absences)
        return 1
    engines = [engine for engine in ("native", "docker") if engine not in missing]
    banner(f"end to end, {' and '.join(engines)}", *absences)
    results = run_side_by_side(engines, sys.argv[1:])
    outcomes = [f"{engine}: {'passed' if passed else 'FAILED'}, {line}" for engine, (passed, line) in results.items()]
    banner("end to end, both engines together", *outcomes, *absences)
    return 0 if results and all(passed for passed, _ in results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
