"""The memory of a function's process and of what it has started, which it shares with its warden in part."""

import os
import signal
from collections.abc import Iterator

import pytest

from sandbox.executor.memory import FamilyMemory, resident_bytes

MEGABYTE = 1024 * 1024
INHERITED = 60 * MEGABYTE
OWN = 20 * MEGABYTE


@pytest.fixture
def family() -> Iterator[int]:
    """The process id of a fork of this process, which holds INHERITED too, and whose only child holds OWN besides."""
    inherited = os.urandom(INHERITED)
    ready, child_is_ready = os.pipe()
    main = os.fork()
    if main == 0:
        os.setsid()
        if os.fork() == 0:
            own = os.urandom(OWN)
            os.write(child_is_ready, own[:1])
        signal.pause()
    os.read(ready, 1)
    yield main
    os.killpg(main, signal.SIGKILL)
    os.waitpid(main, 0)
    assert len(inherited) == INHERITED


def test_what_a_family_shares_with_its_warden_counts_as_its_own_once(family: int) -> None:
    memory = FamilyMemory(family, limit=0)
    assert memory.exceeds_limit()
    assert memory.peak >= resident_bytes(family) + OWN
    assert memory.peak < resident_bytes(family) + 2 * OWN
