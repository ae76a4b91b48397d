"""Environments are forked from their package's warden, and a function sees no difference but the speed."""

import os
import signal
import subprocess
import sys

import pytest

from tests.probes import eventually

pytest_plugins = ("tests.e2e.executor_deploy",)
pytestmark = pytest.mark.docker

LOOKS = """
import sys
EARLY = set(sys.modules)
import csv, boto3, os, random, signal, threading, time, uuid
import multiprocessing
import own

def handler(event, context):
    if meeting := event.get("meeting"):
        place = f"/tmp/{meeting['name']}"
        os.makedirs(place, exist_ok=True)
        open(f"{place}/{os.getpid()}", "w").close()
        while len(os.listdir(place)) < meeting["count"]:
            time.sleep(0.05)
    return {
        "early": sorted(EARLY & {"csv", "boto3", "own", "decimal", "rollcall_warden"}),
        "own": own.VALUE,
        "random": [random.random(), str(uuid.uuid4()), multiprocessing.current_process().authkey.hex()],
        "hash": hash("rollcall"),
        "files": os.listdir("/proc/self/fd"),
        "signals": [signal.getsignal(signal.SIGCHLD) is signal.SIG_DFL, signal.set_wakeup_fd(-1)],
        "hour": time.localtime(0).tm_hour,
        "variables": sorted(os.environ),
        "command": open("/proc/self/environ").read(),
        "parent": os.getppid(),
        "session": os.getsid(0),
        "leads": os.getpgrp() == os.getpid(),
        "niceness": os.nice(0),
    }
"""
OWN = {"own.py": "import os\nVALUE = os.environ.get('OWN')\n"}


@pytest.fixture(scope="module")
def looks(deploy):
    return deploy(source=LOOKS, files=OWN, Environment={"Variables": {"OWN": "mine", "TZ": "Asia/Tokyo"}})


def test_an_environment_begins_with_the_libraries_that_its_package_imports_and_none_of_its_modules(looks):
    seen = looks.invoke().payload
    assert {"boto3", "csv", "rollcall_warden"} <= set(seen["early"])
    assert "own" not in seen["early"]
    assert seen["own"] == "mine"


def test_functions_of_one_zip_share_a_warden_and_no_variable(looks, deploy):
    other = deploy(source=LOOKS, files=OWN, Environment={"Variables": {"THEIRS": "secret"}})
    seen, others = looks.invoke().payload, other.invoke().payload
    assert others["parent"] == seen["parent"]
    assert (others["own"], others["hour"], seen["hour"]) == (None, 0, 9)
    assert [{"OWN", "THEIRS"} & set(each["variables"]) for each in (seen, others)] == [{"OWN"}, {"THEIRS"}]
    assert "secret" not in seen["command"] + others["command"]


def test_functions_of_one_zip_share_a_session_and_give_way_to_the_engine(looks, deploy):
    seen, others = looks.invoke().payload, deploy(source=LOOKS, files=OWN).invoke().payload
    assert others["session"] == seen["session"] == seen["parent"]
    assert all(each["leads"] and each["niceness"] > os.nice(0) for each in (seen, others))


def test_no_two_environments_have_the_same_random_numbers(looks):
    seen = [answer.payload["random"] for answer in looks.meet(3)]
    assert len({value for values in seen for value in values}) == 9


def test_an_environment_inherits_no_open_file_and_no_signal_handler(looks):
    seen = looks.invoke().payload
    # Its standard streams, the frames of its log, the connection to the Runtime API with what waits for it, the list.
    assert len(seen["files"]) <= 8
    assert seen["signals"] == [True, -1]


def test_variables_that_python_reads_as_it_starts_hold(deploy):
    function = deploy(source=LOOKS, files=OWN, Environment={"Variables": {"PYTHONHASHSEED": "7"}})
    source = "print(hash('rollcall'))"
    expected = subprocess.run(
        [sys.executable, "-c", source], env={"PYTHONHASHSEED": "7"}, check=True, capture_output=True, text=True
    )
    assert function.invoke().payload["hash"] == int(expected.stdout)


@pytest.mark.parametrize("module", ["jmespath", "csv"])
def test_a_module_of_the_zip_comes_before_a_library_of_its_name(deploy, module):
    source = f"import boto3, {module}\n\ndef handler(event, context): return {module}.__file__"
    function = deploy(source=source, files={f"{module}.py": ""})
    assert function.invoke().payload.endswith(f"/code/{module}.py")


def test_a_killed_warden_ends_its_environments_and_is_replaced(deploy):
    function = deploy(source="import os, signal\n# a warden of its own\n" + WARDENS)
    first = function.invoke()
    killed = function.invoke({"kill": True})
    assert killed.error == "Unhandled"
    assert killed.payload["errorMessage"].endswith(f"signal: {signal.strsignal(signal.SIGKILL).lower()}")

    def replaced():
        assert function.invoke().payload != first.payload

    eventually(replaced)


def test_a_warden_ends_with_the_last_version_that_has_its_package(deploy, aws):
    function, probe = deploy(source="import os, signal\n# another one\n" + WARDENS), deploy("running")
    warden = function.invoke().payload
    function.update_configuration(Description="the same package")
    assert function.invoke().payload == warden
    assert probe.invoke([warden]).payload == [warden]
    function.update_code("def handler(event, context): return 'another package'")

    def gone():
        assert probe.invoke([warden]).payload == []

    eventually(gone)


WARDENS = """
def handler(event, context):
    if event.get("kill"):
        os.kill(os.getppid(), signal.SIGKILL)
        signal.pause()
    return os.getppid()
"""
