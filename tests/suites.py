"""Run a suite, part by part, and end with one line about each: `python -m tests.suites --help`."""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from sandbox.host import control, docker
from sandbox.state import REPOSITORY, SandboxError

DESCRIPTION = """\
Run a suite of tests, part by part; a part that fails stops no other. Each part of pytest's ends with its slowest ten
tests, and the whole with a line for each part.

  test      the checks without an engine, the attacks, and whole batches of both architectures, on one engine:
            that of ENGINE, else Docker if it answers, else native
  all       everything, natively and in Docker, with checkov, MiniStack, chaos and the lane of the real clock
  security  the attacks, natively and in Docker
  e2e       the end-to-end tests, natively, and those in Docker that differ there (marked `docker`)
"""
EPILOGUE = """\
With the variable ENGINE=native or ENGINE=docker, `security` and `e2e` run on that engine alone. REQUIRE_DOCKER=1 fails
where Docker does not answer, instead of leaving its parts out.

  make e2e TEST=tests/e2e/test_restart.py          one module, natively
  make e2e TEST='tests/e2e/test_batches.py::test_an_empty_batch_succeeds[sqs]' ENGINE=docker
  make e2e TEST='empty and sqs' CLOCK=real         what has these words in its name, on the real clock
  make e2e ENGINE=docker ALL=1                     every end-to-end test in Docker
  make test-all AFTER=test                         what `make test` has not run
"""
BATCHES = "tests/e2e/test_batches.py"
CHAOS_BATCHES = 100
WHERE = {"native": "natively", "docker": "in Docker"}
RULE = "#" * 100


@dataclass(frozen=True)
class Part:
    """One command of a suite, and the engine that it needs, if any."""

    title: str
    command: tuple[str, ...]
    engine: str = ""


@dataclass(frozen=True)
class Outcome:
    """How a part ended: `said` is the last line that it printed."""

    title: str
    passed: bool
    seconds: float
    said: str


def pytest(title: str, engine: str, *arguments: str, workers: int = 2) -> Part:
    """Tests on an engine. Most of their time is waiting; each worker has a sandbox of its own."""
    shared = ("--numprocesses", str(workers), "--no-loadscope-reorder") if workers > 1 else ()
    options = ("--engine", engine, "--durations", "10", "--color", "yes" if sys.stdout.isatty() else "no")
    return Part(f"{title} {WHERE[engine]}", (sys.executable, "-m", "pytest", *options, *shared, *arguments), engine)


CHECK = Part("check", ("make", "--no-print-directory", "check"))
CHECKOV = Part("checkov", ("make", "--no-print-directory", "checkov"))
PORTABILITY = Part("portability", ("make", "--no-print-directory", "portability"), "native")
CHAOS = Part("chaos natively", (sys.executable, "-m", "tests.chaos", "--batches", str(CHAOS_BATCHES)), "native")
REAL_CLOCK = pytest("real clock", "native", "tests/e2e", "-m", "real_clock", "--clock", "real")


def security(engine: str) -> Part:
    """The attacks."""
    return pytest("security", engine, "tests/security")


def e2e(engine: str, *arguments: str) -> Part:
    """The end-to-end tests: in Docker those that differ there."""
    lane = ("-m", "docker") if engine == "docker" else ()
    # Two workers leave the two cores idle half of the time.
    return pytest("end to end", engine, "tests/e2e", *lane, *arguments, workers=2 if lane else 3)


def quick(engine: str) -> list[Part]:
    """What `make test` runs."""
    return [CHECK, security(engine), pytest("whole batches", engine, BATCHES)]


def everything(after: str | None = None) -> list[Part]:
    """What `make test-all` runs; with `after`, but for what `quick` has run on that engine.

    Natively the end-to-end tests are run as a whole, because the last of them judge what all of them did.
    """
    done = quick(after) if after else []
    lane = e2e("docker", "--ignore", BATCHES) if after == "docker" else e2e("docker")
    parts = [CHECK, CHECKOV, security("native"), security("docker"), e2e("native"), lane]
    return [part for part in (*parts, PORTABILITY, CHAOS, REAL_CLOCK) if part not in done]


def chosen(given: argparse.Namespace) -> list[Part]:
    """The parts of the suite that was asked for."""
    wish = os.environ.get("ENGINE")
    if given.test:
        selection = (given.test,) if "/" in given.test else ("tests/e2e", "-k", given.test)
        engine = control.choose_engine() if wish else "native"
        return [pytest(given.test, engine, *selection, "--clock", given.clock, workers=1)]
    if given.suite == "test":
        return quick(control.choose_engine())
    if given.suite == "all":
        return everything(control.choose_engine() if given.after else None)
    engines = [control.choose_engine()] if wish else ["native", "docker"]
    if given.suite == "security":
        return [security(engine) for engine in engines]
    if given.all:
        return [pytest("end to end", engine, "tests/e2e", "--clock", given.clock) for engine in engines]
    return [e2e(engine, "--clock", given.clock) for engine in engines]


def left_out(parts: Iterable[Part]) -> dict[str, str]:
    """Titles of the parts that cannot run on this machine, and why."""
    reasons = {
        "native": None if sys.platform == "linux" else f"it needs Linux or WSL, this is {sys.platform}",
        "docker": docker.missing(),
    }
    return {part.title: reason for part in parts if (reason := reasons.get(part.engine))}


class Runner:
    """Runs parts, each in a process group of its own, which gets the signals that ask this process to stop."""

    def __init__(self) -> None:
        self.stopped = 0
        self._group: int | None = None

    def _stop(self, number: int, _: object) -> None:
        # A signal may come twice: from the terminal, and from `uv run`, which passes it on.
        if self._group and number != self.stopped:
            with suppress(ProcessLookupError):
                os.killpg(self._group, number)
        self.stopped = number

    def run_all(self, parts: Iterable[Part]) -> list[Outcome]:
        """Run each part, whatever came of those before it, until a signal asks to stop."""
        before = {number: signal.signal(number, self._stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            return [self._run(part) for part in parts if not self.stopped]
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _run(self, part: Part) -> Outcome:
        """Run a part, printing what it says as it comes."""
        banner(part.title)
        began, said = time.monotonic(), b""
        with subprocess.Popen(
            part.command, cwd=REPOSITORY, stdout=subprocess.PIPE, bufsize=0, process_group=0
        ) as process:
            self._group = process.pid
            assert process.stdout
            while chunk := process.stdout.read(65536):
                sys.stdout.buffer.write(chunk)
                sys.stdout.buffer.flush()
                said = (said + chunk)[-2000:]
        self._group = None
        closing = said.decode(errors="replace").strip().rpartition("\n")[2].strip(" =")
        return Outcome(part.title, process.returncode == 0, time.monotonic() - began, closing)


def banner(*lines: str) -> None:
    """Print lines that stand out from the others."""
    print(f"\n{RULE}", *(f"#  {line}" for line in lines), RULE, sep="\n", flush=True)


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.suites",
        description=DESCRIPTION,
        epilog=EPILOGUE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("suite", choices=("test", "all", "security", "e2e"))
    parser.add_argument("--test", metavar="TEST", help="of e2e: a module, one test, or words as for pytest's -k")
    parser.add_argument("--all", action="store_true", help="of e2e: every test in Docker too")
    parser.add_argument("--clock", choices=("real", "skip"), default="skip", help="of e2e: the sandbox's clock (skip)")
    parser.add_argument("--after", choices=("test",), help="of all: leave out what that suite runs")
    return parser.parse_args(words)


def told(outcome: Outcome) -> str:
    """The line about a part."""
    return f"{outcome.title}: {'passed' if outcome.passed else 'FAILED'}, {outcome.seconds:.0f} s, {outcome.said}"


def main() -> int:
    """Run every part there is, then print one line about each."""
    given = arguments()
    try:
        parts = chosen(given)
    except SandboxError as error:
        print(error, file=sys.stderr)
        return 2
    if os.environ.get("REQUIRE_DOCKER") == "1" and (reason := docker.missing()):
        banner(f"REQUIRE_DOCKER=1, but {reason}")
        return 1
    missing = left_out(parts)
    began, runner = time.monotonic(), Runner()
    outcomes = runner.run_all(part for part in parts if part.title not in missing)
    lines = [told(outcome) for outcome in outcomes]
    lines += [f"{title}: LEFT OUT, {reason}" for title, reason in missing.items()]
    if given.suite == "test":
        rest = ", ".join(part.title for part in everything(after=parts[-1].engine))
        lines.append(f"left out: {rest}; `make test-all AFTER=test` runs them")
    banner(f"{given.suite}, {time.monotonic() - began:.0f} s", *lines)
    if runner.stopped:
        return 128 + runner.stopped
    return 0 if outcomes and all(outcome.passed for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
