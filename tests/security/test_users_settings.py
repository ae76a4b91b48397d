"""A batch in a native sandbox works beside AWS settings that would lead it to a real account, and sees none of them.

A native function runs as the user, so `~` is found in /etc/passwd, where nothing of ours has a say. The test puts a
home of its own there, in a mount namespace.
"""

import json
import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.engines import free_port, kept, own_name
from tests.requirements import lacking

CONFIG = """
[default]
ignore_configured_endpoint_urls = true
region = eu-central-1
[profile prod]
endpoint_url = http://127.0.0.1:9
"""
CREDENTIALS = """
[default]
aws_access_key_id = AKIACANARYDEFAULT000
aws_secret_access_key = canary
[prod]
aws_access_key_id = AKIACANARYPROD000000
aws_secret_access_key = canary
"""
MOUNT = 'mount --bind "$1" /etc/passwd && shift && exec "$@"'

type Rollcall = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def namespace(tmp_path: Path) -> list[str]:
    """The beginning of a command line that makes a home with the canary's settings the user's own."""
    home, passwd = tmp_path / "home", tmp_path / "passwd"
    (home / ".aws").mkdir(parents=True)
    (home / ".aws" / "config").write_text(CONFIG)
    (home / ".aws" / "credentials").write_text(CREDENTIALS)
    user = pwd.getpwuid(os.getuid())
    passwd.write_text(f"{user.pw_name}:x:{user.pw_uid}:{user.pw_gid}::{home}:/bin/sh\n")
    mapped = [] if os.geteuid() == 0 else ["--map-current-user"]
    command = ["unshare", "--mount", *mapped, "sh", "-c", MOUNT, "sh", str(passwd)]
    if not shutil.which("unshare") or subprocess.run([*command, "true"], capture_output=True).returncode:
        lacking("unshare", "this system lets us make no mount namespace")
    seen = subprocess.run([*command, sys.executable, "-c", "import os; print(os.path.expanduser('~'))"],
                          env={}, capture_output=True, text=True)  # fmt: skip
    assert seen.stdout.strip() == str(home)
    return command


@pytest.fixture
def rollcall(engine: str, namespace: list[str]) -> Iterator[Rollcall]:
    """`rollcall("up")` runs that command there, with a sandbox of its own, which is stopped at the end."""
    if engine != "native":
        pytest.skip("the functions of a container see the container's home")
    name, port = own_name(), free_port()
    environment = {"PATH": os.environ["PATH"], "ROLLCALL_PROJECT": name, "ROLLCALL_PORT": str(port), "ENGINE": "native"}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [*namespace, sys.executable, "-m", "rollcall", *words]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=90)

    with kept("native", name):
        yield run


def test_batches_work_beside_settings_that_lead_to_a_real_account(rollcall: Rollcall):
    started = rollcall("up")
    assert started.returncode == 0, started.stderr
    for architecture in ("sqs", "sfn"):
        ended = rollcall("run", architecture, "--items", "5", "--max-value", "0", "--json")
        assert ended.returncode == 0, ended.stderr
        result: dict[str, Any] = json.loads(ended.stdout)
        assert (result["status"], result["succeeded"]) == ("SUCCEEDED", 5)
    logs = rollcall("logs").stdout
    assert "END RequestId" in logs
    assert "AKIACANARY" not in logs
