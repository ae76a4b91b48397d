"""A pytest plugin for the tests of a work folder: `process` itself, and whole batches in a sandbox.

It does nothing unless the tests are in a work folder: a folder with work.py or source.py, or one in it. Then the tests
import what the functions import, with the variables that the functions have. `rollcall test DIR` runs pytest there.

Fixtures, all of which need a sandbox, which is started unless it runs:

- `run_batch(items)`: runs a batch, see `rollcall.testing.batches.BatchRunner`. A test that asks for it runs once for
  each architecture, or for that of `--architecture`.
- `stack`: the deployed stack (`rollcall.target.connection.Stack`) that runs the work.
- `sandbox`: the `rollcall.Sandbox`; its stacks are for tests alone, so that a test never meets yours.
- `architecture`: `sqs` or `sfn`.
"""

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    # A run of pytest that is not in a work folder imports nothing of these.
    from rollcall.api.sandbox import Sandbox
    from rollcall.target.connection import Stack
    from rollcall.testing.batches import BatchRunner

FOLDER = pytest.StashKey[Path]()
# Title and text of each batch of a test that has ended.
ENDED = pytest.StashKey[list[tuple[str, str]]]()
ARCHITECTURES = ("sqs", "sfn")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("rollcall").addoption(
        "--architecture", choices=ARCHITECTURES, help="run batches in this architecture only; default: in both"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Enter the work folder, if the tests are in one, before anything of it is imported. Raises UsageError."""
    folder = work_folder(early_config)
    if not folder:
        return
    from rollcall.terminal.errors import EXPECTED, explained
    from rollcall.testing.environment import enter

    try:
        enter(folder)
    except EXPECTED as error:
        raise pytest.UsageError("\n".join(filter(None, explained(error)))) from error
    early_config.stash[FOLDER] = folder


def work_folder(config: pytest.Config) -> Path | None:
    """The work folder of the tests that are named, else of the current folder; None if that is in none."""
    named = [Path(word.partition("::")[0]) for word in config.known_args_namespace.file_or_dir]
    first = (config.invocation_params.dir / (named[0] if named else "")).resolve()
    around = (first, *first.parents)
    return next((path for path in around if (path / "work.py").is_file() or (path / "source.py").is_file()), None)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests of the other architecture."""
    chosen = config.getoption("--architecture")
    others = [item for item in items if chosen and architecture_of(item) not in (None, chosen)]
    if others:
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item not in others]


def architecture_of(item: pytest.Item) -> str | None:
    """The architecture that a test is for; None if it is for none."""
    call = getattr(item, "callspec", None)
    found: str | None = call.params.get("architecture") if call else None
    return found


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config) -> None:
    """Say what a test is, if there was none."""
    if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and FOLDER in config.stash:
        terminalreporter.write_line(
            f"rollcall: no test was found in {config.stash[FOLDER]}: pytest looks for functions test_... in files "
            "test_*.py; `rollcall new` makes a folder with some"
        )


@pytest.fixture(scope="session", params=ARCHITECTURES)
def architecture(request: pytest.FixtureRequest) -> str:
    """`sqs` or `sfn`: a test that asks for it runs for each."""
    chosen: str = request.param
    return chosen


@pytest.fixture(scope="session")
def sandbox(request: pytest.FixtureRequest) -> "Sandbox":
    """The sandbox of ROLLCALL_PROJECT and ROLLCALL_PORT, started unless it runs, with stacks for the tests alone."""
    from rollcall.testing.stacks import start_sandbox

    return start_sandbox(folder_of(request.config), teller(request.config))


@pytest.fixture(scope="session")
def deployed(request: pytest.FixtureRequest, sandbox: "Sandbox") -> Iterator[Mapping[str, "Stack"]]:
    """The stacks with the work as it is now, of the architectures that the tests ask for."""
    from rollcall.testing.stacks import deployed_for_tests

    asked = {architecture_of(item) for item in request.session.items}
    chosen = [name for name in ARCHITECTURES if name in asked]
    folder, tell = folder_of(request.config), teller(request.config)
    with deployed_for_tests(sandbox, folder, chosen, tell) as stacks:
        yield stacks


@pytest.fixture(scope="session")
def stack(deployed: Mapping[str, "Stack"], architecture: str) -> "Stack":
    """The stack of the architecture, which runs the work."""
    return deployed[architecture]


@pytest.fixture
def run_batch(request: pytest.FixtureRequest, sandbox: "Sandbox", architecture: str, tmp_path: Path) -> "BatchRunner":
    """Runs batches of the work to their end: `result, processed, failures = run_batch(items)`."""
    from rollcall.testing.batches import BatchRunner

    request.getfixturevalue("stack")  # which deploys it

    ended = request.node.stash.setdefault(ENDED, [])
    return BatchRunner(sandbox, architecture, tmp_path, ended)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with a failure how each batch of the test has ended."""
    report = yield
    if report.when == "call":
        ended = item.stash.get(ENDED, [])
        report.sections += ended
    return report


def folder_of(config: pytest.Config) -> Path:
    """The work folder of the tests; fails a test that is in none."""
    folder = config.stash.get(FOLDER, None)
    if not folder:
        pytest.fail(
            "the fixtures of rollcall.testing are for tests in a work folder, which has a work.py or source.py: run "
            "`rollcall test DIR`",
            pytrace=False,
        )
    return folder


def teller(config: pytest.Config) -> Callable[[str], None]:
    """What prints the progress of fixtures, which pytest would keep for its report; a worker of xdist prints none."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    capture = config.pluginmanager.get_plugin("capturemanager")
    if reporter is None:
        return lambda _: None

    def tell(line: str) -> None:
        with capture.global_and_fixture_disabled() if capture else nullcontext():
            reporter.ensure_newline()
            begun = "\n" if config.get_terminal_writer().width_of_current_line else ""
            reporter.write_line(f"{begun}rollcall: {line}")

    return tell
