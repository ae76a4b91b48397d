"""The environment variables of a function's process: AWS's and the function's own, none of the engine's."""

import os
from pathlib import Path

from sandbox.executor.log_writer import LogStream
from sandbox.executor.warden import FRAMES_FD

# What LocalStack adds for its own init process and emulator; on AWS nobody sees it.
INTERNAL_PREFIX = "LOCALSTACK_"
INTERNAL = {"EDGE_PORT", "AWS_LAMBDA_FUNCTION_TIMEOUT"}


def function_environment(
    offered: dict[str, str],
    own: dict[str, str],
    *,
    task_root: Path,
    runtime_folder: Path,
    runtime_api: str,
    temporary: Path,
    stream: LogStream,
) -> dict[str, str]:
    """`offered` is what LocalStack gives an environment, `own` the function's configuration: it wins.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
    """
    platform = {
        name: str(value)
        for name, value in offered.items()
        if not name.startswith(INTERNAL_PREFIX) and name not in INTERNAL
    }
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",  # en_US.UTF-8 on AWS: a small image does not have it
        "PYTHONPATH": str(runtime_folder),
        "TMPDIR": str(temporary),
        # A native function runs as the developer: without these the SDKs would find ~/.aws, the profiles and settings
        # of a real account, and on a machine of AWS's its role.
        "HOME": str(temporary),
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        **platform,
        **own,
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        "AWS_LAMBDA_LOG_GROUP_NAME": stream.group,
        "AWS_LAMBDA_LOG_STREAM_NAME": stream.name,
        "AWS_LAMBDA_RUNTIME_API": runtime_api,
        "_LAMBDA_TELEMETRY_LOG_FD": str(FRAMES_FD),
        "LAMBDA_RUNTIME_DIR": str(runtime_folder),
        "LAMBDA_TASK_ROOT": str(task_root),
    }
