"""The engine's services work without the modules of services that it does not serve."""

import subprocess
import sys

SCRIPT = """
import sys
from sandbox.engine import spared_work
spared_work.install()
import localstack.services.cloudformation.v2.provider
from localstack.services.stepfunctions.asl.component.state.state_execution.state_task.service import (
    state_task_service_batch as batch,
)
assert batch.JobStatus.SUCCEEDED
print(*(name for name in ("moto.ec2", "moto.batch.models") if name in sys.modules))
"""


def test_the_stacks_services_load_without_ec2_and_batch() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""
