"""Both stacks on MiniStack, and what tests ask of them: as tests/e2e/stacks.py, with a witness that writes a file."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from bootstrap.deploy import StackOutputs
from rollcall.batches.batch import Batches
from rollcall.batches.sfn import SfnBatches
from rollcall.batches.sqs import SqsBatches
from rollcall.target.connection import Connection
from tests.e2e.stacks import QUICK, Stacks

WORK = Path(__file__).with_name("work")
# Seconds. An environment of MiniStack begins with a copy of the dependencies, thousands of files.
PATIENCE = 240
# Longer than on our own engine, because MiniStack's first invocations take seconds. The chunk of a processor that was
# killed comes again after 31.
PARAMETERS = QUICK | {"FunctionTimeout": "10", "ProcessorTimeout": "5", "BatchSize": "2", "MaxConcurrency": "2"}


class PortableStacks(Stacks):
    """The stacks, and the witness of every call of `process` in both."""

    def __init__(self, connection: Connection, outputs: Mapping[str, StackOutputs], results: str, witness: Path):
        super().__init__(connection.client, dict(outputs), connection.suffix, results)
        self.connection = connection
        self.batches: dict[str, Batches] = {"sqs": SqsBatches(connection), "sfn": SfnBatches(connection)}
        self._calls_file = witness / "calls"
        self._expected: list[tuple[str, dict[str, int]]] = []

    def witnessed(self, architecture: str, prefix: str) -> Counter[str]:
        calls = self._calls_file.read_text().splitlines() if self._calls_file.exists() else []
        return Counter(call for call in calls if call.startswith(prefix))

    def assert_witnessed(self, architecture: str, prefix: str, expected: dict[str, int]) -> None:
        """`process` was called just so often for each item. It is asked again at the end of the run."""
        self._expected.append((prefix, expected))
        assert self.witnessed(architecture, prefix) == expected

    def assert_nothing_came_later(self) -> None:
        """No batch has finished twice, and no item was processed after its batch."""
        self.assert_each_finished_once()
        for prefix, expected in self._expected:
            assert self.witnessed("", prefix) == expected


def work_folder(place: Path, witness: Path) -> Path:
    """Make the work folder: its variable tells the functions where the witness writes."""
    place.mkdir()
    (place / "work.py").write_bytes((WORK / "work.py").read_bytes())
    (place / "rollcall.toml").write_text(f'[environment]\nWITNESS = "{witness}"\n')
    return place
