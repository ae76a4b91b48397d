"""The modules and variables that the tests of a work folder have: those of the functions, and no way to AWS."""

import os
import sys
from importlib.metadata import distributions
from pathlib import Path

from bootstrap.dependencies import installed, installed_here
from bootstrap.layers import sdk_distributions
from bootstrap.stacks import SANDBOX_PARAMETERS
from bootstrap.vendoring import CannotVendor
from bootstrap.work.import_check import unfit
from bootstrap.work.own_resources import variable_of
from bootstrap.work.problem import BadWork
from bootstrap.work.work import Work, read_work

# They are imported before the folder's own modules, which then cannot stand in their place.
from rollcall.testing import batches, stacks  # noqa: F401
from sandbox.host import control
from sandbox.settings import DEFAULT_PORT
from sandbox.state import Sandbox

# The packages that lie at the top of the repository, and in this process: none of them is among the functions' modules.
OURS = {"bench", "bootstrap", "costs", "rollcall", "sandbox"}


def enter(folder: Path) -> None:
    """Have this process import the folder's modules and dependencies, with its variables and those of a sandbox.

    No client of boto3 can reach AWS afterwards. Raises BadWork for a folder that cannot be deployed.
    """
    work = read_work(folder)
    if clash := sorted(OURS & {Path(name).parts[0].removesuffix(".py") for name in work.files}):
        raise BadWork(
            f"{folder}: {clash[0]} has the name of a package of Rollcall's, which the tests import too",
            "give it another name",
        )
    before, after = dependencies_of(work)
    sys.path[:0] = [str(folder), *before]
    sys.path += after
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(functions_variables(work))


def dependencies_of(work: Work) -> tuple[list[str], list[str]]:
    """The folders with the work's dependencies, which come before this environment's, and with those of its tests."""
    wanted, machine = work.settings.dependencies, SANDBOX_PARAMETERS["CpuArchitecture"]
    try:
        layer = installed(wanted, machine)
        unpacked = layer.unpacked() if layer else None
        sdk = {each.name: each.version for each in sdk_distributions()}
        own = installed_here(wanted, sdk) if unfit(unpacked, machine) else unpacked
        # They share a process with pytest and Rollcall, whose packages come first.
        here = {each.name: each.version for each in distributions() if each.name != "rollcall"}
        of_tests = installed_here(work.settings.test_dependencies, here)
    except CannotVendor as failure:
        raise BadWork(f"{work.folder}: {failure}") from failure
    return [str(own)] if own else [], [str(of_tests)] if of_tests else []


def functions_variables(work: Work) -> dict[str, str]:
    """The variables that the functions have. Those of own resources get their values when the work is deployed."""
    running = control.running(control.project())
    port = running.port if running else control.port() or DEFAULT_PORT
    outputs = {variable_of(name): f"not-yet-deployed-{name}" for name in work.outputs}
    return {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": Sandbox("", port, control.project()).endpoint,
        **outputs,
        **work.settings.environment,
        **work.secret_values(),
    }
