"""Which worker runs which tests, where xdist has several: each has a sandbox of its own."""

from pathlib import Path

from xdist.scheduler import LoadScopeScheduling

# The modules whose tests, together, make every function do everything it may do.
JUDGED = {"test_batches", "test_endings", "test_sfn_endings", "test_sqs_protocol"}
JUDGE = "test_permissions"


class ModuleScheduling(LoadScopeScheduling):
    """A module's tests go to one worker, since they share what they make; those that are judged go to their judge's."""

    def _split_scope(self, nodeid: str) -> str:
        module = Path(nodeid.partition("::")[0]).stem
        return JUDGE if module in JUDGED else module
