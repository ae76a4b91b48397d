"""Imports work.py and source.py before anything is deployed, with only the modules that the functions have."""

import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bootstrap.packaging import ROOT
from bootstrap.vendoring import COMPILED, MACHINES
from bootstrap.work.files import sdk_files
from bootstrap.work.problem import BadWork

PROBE = Path(__file__).with_name("import_probe.py")
# Lambda's limit for what runs before the first invocation.
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
LIMIT_SECONDS = 10
# So much of what the module printed is shown.
SHOWN_LINES = 10
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
LAMBDAS = {
    "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
    "AWS_LAMBDA_FUNCTION_NAME": "import-check",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
    "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/import-check",
    "AWS_LAMBDA_LOG_STREAM_NAME": "import-check",
    "LANG": "en_US.UTF-8",
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "TZ": ":UTC",
    # Neither the user's settings nor their credentials.
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


def check_imports(
    files: Mapping[str, Path], dependencies: Path | None, environment: Mapping[str, str], architecture: str
) -> str | None:
    """Import what there is of work.py and source.py; returns why that could not be tried, else None.

    `files` are the work's by their path in the zip, `dependencies` is the folder in which its own are installed.
    Raises BadWork with the exception and its file and line, or if it takes longer than Lambda allows.
    """
    if reason := unfit(dependencies, architecture):
        return f"could not look whether the work can be imported: {reason}"
    with tempfile.TemporaryDirectory(prefix="rollcall-import-") as name:
        folder = Path(name).resolve()
        root, sdk, answer = folder / "task", folder / "sdk", folder / "answer.json"
        link(root, {"handlers": ROOT / "handlers", **files})
        link(sdk, sdk_files())
        others = [str(dependencies)] if dependencies else []
        # -I and -S: without this environment's modules and variables. -B: nothing is written into handlers/.
        command = [sys.executable, "-I", "-S", "-B", str(PROBE), str(answer), str(root), *others, str(sdk)]
        variables = LAMBDAS | {"LAMBDA_TASK_ROOT": str(root)} | dict(environment)
        with (folder / "output").open("w+b") as output:
            try:
                code = subprocess.run(
                    command,
                    cwd=root,
                    env=variables,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    timeout=LIMIT_SECONDS,
                    check=False,
                ).returncode
            except subprocess.TimeoutExpired:
                raise BadWork(
                    f"importing the work takes more than {LIMIT_SECONDS} s, in which Lambda wants it done",
                    "do at the first call of process what takes long, and keep its result",
                ) from None
            output.seek(0)
            printed = output.read().decode("utf-8", "replace")
        return judged(answer, code, printed, calls_aws="AWS_ENDPOINT_URL" not in variables)


def judged(answer: Path, code: int, printed: str, calls_aws: bool) -> str | None:
    """None if the import succeeded, or why it could not be tried. Raises BadWork if it failed."""
    lines = printed.strip().splitlines()[-SHOWN_LINES:]
    shown = "\nit printed:\n" + "\n".join(f"  {line}" for line in lines) if lines else ""
    if not answer.exists():
        if code:
            raise BadWork(f"importing the work ended its process, with exit code {code}{shown}")
        return None
    found = json.loads(answer.read_text())
    if calls_aws and found["of"].startswith("botocore"):
        # Here it has no credentials, so that it changes nothing.
        return f"could not look whether {found['module']}.py can be imported: it calls AWS ({found['error']})"
    where = f" ({found['file']}, line {found['line']})" if found["file"] else ""
    raise BadWork(
        f"{found['module']}.py cannot be imported as the functions would: {found['error']}{where}{shown}", hint(found)
    )


def hint(found: Mapping[str, Any]) -> str | None:
    """What to do about a mistake that is usual."""
    if found["missing"]:
        return f"if {found['missing']} is a package, add its name to `dependencies` in rollcall.toml"
    if found["unset"]:
        return f"if {found['unset']} is a variable, add it to [environment] or [secrets] in rollcall.toml"
    return None


def unfit(dependencies: Path | None, architecture: str) -> str | None:
    """Why this machine cannot run the dependencies; None if it can."""
    if platform.system() == "Linux" and platform.machine() == MACHINES[architecture]:
        return None
    compiled = (path for path in dependencies.rglob("*") if path.suffix in COMPILED) if dependencies else iter(())
    if found := next(compiled, None):
        return f"{found.name} is compiled for Linux on {architecture}, and this is another machine"
    return None


def link(folder: Path, files: Mapping[str, Path]) -> None:
    """Make a folder of links to the files, so that it holds no others."""
    for name, path in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(path)
