"""The memory of a function's process and of what it has started, which it shares with its warden in part."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from sandbox.executor.memory import FamilyMemory, resident_bytes

MEGABYTE = 1024 * 1024
INHERITED = 60 * MEGABYTE
OWN = 20 * MEGABYTE


# The process that stands for the warden prints the id of its fork, the family's main process.
WARDEN = f"""
import os, signal, sys
inherited = os.urandom({INHERITED})
if os.fork() == 0:
    if os.fork() == 0:
        own = os.urandom({OWN})
        print(os.getppid(), flush=True)
    signal.pause()
signal.pause()
"""


@pytest.fixture
def family() -> Iterator[int]:
    """The process id of a fork of a process that holds INHERITED; its only child holds OWN besides."""
    command = [sys.executable, "-c", WARDEN]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as warden:
        assert warden.stdout is not None
        yield int(warden.stdout.readline())
        os.killpg(warden.pid, signal.SIGKILL)


def test_what_a_family_shares_with_its_warden_counts_as_its_own_once(family: int) -> None:
    memory = FamilyMemory(family, limit=0)
    assert memory.exceeds_limit()
    assert memory.peak >= resident_bytes(family) + OWN
    assert memory.peak < resident_bytes(family) + 2 * OWN
