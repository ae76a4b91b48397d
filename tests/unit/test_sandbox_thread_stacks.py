"""What calls cost a thread of the engine, wherever in its stack they begin."""

import subprocess
import sys

SCRIPT = """
import resource, sys, threading
from sandbox.engine import thread_stacks

if sys.argv[1] == "installed":
    thread_stacks.install()

def leaf():
    a = b = c = d = e = f = g = h = None

def faults_at(depth):
    if depth:
        return faults_at(depth - 1)
    before = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt
    for _ in range(1000):
        leaf()
    return resource.getrusage(resource.RUSAGE_THREAD).ru_minflt - before

def look():
    found.append(max(faults_at(depth) for depth in range(400)))

found = []
thread = threading.Thread(target=look)
thread.start()
thread.join()
print(*found)
"""


def most_faults(how: str) -> int:
    """The most page faults that a thousand calls have, over all depths at which they begin."""
    done = subprocess.run([sys.executable, "-c", SCRIPT, how], capture_output=True, text=True, check=True)
    return int(done.stdout)


def test_calls_in_a_loop_map_no_memory_however_deep_in_a_thread_they_begin() -> None:
    assert most_faults("stock") >= 1000
    assert most_faults("installed") < 100
