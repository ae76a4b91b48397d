"""Which worker runs which tests, where xdist has several: each has a sandbox of its own."""

from pathlib import Path

from xdist.scheduler import LoadScopeScheduling

# The modules whose tests, together, make every function do everything it may do.
JUDGED = {
    *("test_batches", "test_endings", "test_several_chunks", "test_sfn_batcher", "test_sfn_endings"),
    "test_sqs_protocol",
}
JUDGE = "test_permissions"


class ModuleScheduling(LoadScopeScheduling):
    """A module's tests go to one worker, since they share what they make.

    Those that are judged share nothing but the stacks: they go to their judge's worker, or to any where it is not run.
    """

    def _split_scope(self, nodeid: str) -> str:
        module = module_of(nodeid)
        if module not in JUDGED:
            return module
        return JUDGE if any(module_of(each) == JUDGE for each in self.collection or ()) else nodeid


def module_of(nodeid: str) -> str:
    """The name of a test's module."""
    return Path(nodeid.partition("::")[0]).stem
