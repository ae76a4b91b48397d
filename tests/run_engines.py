"""Run a suite on every engine this machine has, and say loudly which one was left out.

`python -m tests.run_engines tests/e2e`: all arguments go to pytest. Most of a run is waiting, so each engine has two
workers, and each worker a sandbox of its own. The exit code is 0 only if every run passed. With REQUIRE_DOCKER=1 a
machine without Docker fails before anything runs.
"""

import os
import subprocess
import sys

from sandbox.host import docker


def left_out() -> dict[str, str]:
    """The engines that cannot run here, and why."""
    reasons = {
        "native": None if sys.platform == "linux" else f"it needs Linux or WSL, this is {sys.platform}",
        "docker": docker.missing(),
    }
    return {engine: reason for engine, reason in reasons.items() if reason}


def run(engine: str, arguments: list[str]) -> tuple[bool, str]:
    """Run pytest on `engine`, printing what it says as it comes: whether it passed, and pytest's closing line."""
    options = ["--engine", engine, "--numprocesses", "2", "--no-loadscope-reorder"]
    options += ["--color", "yes" if sys.stdout.isatty() else "no"]
    command = [sys.executable, "-m", "pytest", *options, *arguments]
    said = b""
    with subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0) as pytest:
        assert pytest.stdout
        while chunk := pytest.stdout.read(65536):
            sys.stdout.buffer.write(chunk)
            sys.stdout.buffer.flush()
            said = (said + chunk)[-2000:]
    closing = said.decode(errors="replace").strip().rpartition("\n")[2].strip(" =")
    return pytest.returncode == 0, closing or f"pytest ended with {pytest.returncode}"


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
    results = {}
    for engine in engines:
        banner(f"{' '.join(sys.argv[1:])}, {engine}", *absences)
        results[engine] = run(engine, sys.argv[1:])
    outcomes = [f"{engine}: {'passed' if passed else 'FAILED'}, {line}" for engine, (passed, line) in results.items()]
    banner(f"{' '.join(sys.argv[1:])}, all engines together", *outcomes, *absences)
    return 0 if results and all(passed for passed, _ in results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
