"""`python -m bootstrap deploy | destroy`: deploys the stacks to the sandbox or, with `--aws`, to AWS."""

import argparse
import json
import sys
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from bootstrap import aws
from bootstrap.asking import ask
from bootstrap.change_sets import accept
from bootstrap.deploy import deploy
from bootstrap.destroy import destroy
from bootstrap.failures import DeployFailed
from bootstrap.lock import deploying
from bootstrap.parameters import BadParameter
from bootstrap.printable import printable
from bootstrap.problem import Problem
from bootstrap.stacks import STACK_NAMES, checked_suffix, find_stack
from bootstrap.vendoring import CannotVendor
from bootstrap.work.place import VARIABLE, chosen_work
from sandbox.host import control
from sandbox.state import UNKNOWN, SandboxError

LOOPBACK = ("127.0.0.1", "localhost")


def parameter(text: str) -> tuple[str, str]:
    """Parse `Name=value`."""
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not Name=value")
    return name, value


def tag(text: str) -> tuple[str, str]:
    """Parse `Key=value`; the value may be empty."""
    key, equals, value = text.partition("=")
    if not (key and equals) or key.lower().startswith("aws:"):
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE with a key that does not begin with aws:")
    return key, value


def suffix(text: str) -> str:
    """Parse a suffix of the stacks' names."""
    try:
        return checked_suffix(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def endpoint(text: str) -> str:
    """Parse a URL with a host, and perhaps a port."""
    try:
        url = urlsplit(text)
        if url.scheme in ("http", "https") and url.hostname and url.port != 0:
            return text
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{text!r} is not a URL such as http://127.0.0.1:4566")


def arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m bootstrap", description="Deploy or remove Rollcall's two stacks.")
    parser.add_argument("command", choices=["deploy", "destroy"])
    parser.add_argument(
        "--endpoint", type=endpoint, help="the sandbox; by default this checkout's (ROLLCALL_PROJECT, ROLLCALL_PORT)"
    )
    parser.add_argument("--aws", action="store_true", help="the AWS account of your own configuration, not a sandbox")
    parser.add_argument("--profile", help="AWS profile, with --aws")
    parser.add_argument("--region", help="AWS region, with --aws")
    parser.add_argument("--suffix", type=suffix, default="", help="added to the stacks' names")
    parser.add_argument("--stack", action="append", choices=list(STACK_NAMES), help="only this one; may be repeated")
    parser.add_argument(
        "--parameter", action="append", type=parameter, default=[], metavar="NAME=VALUE", help="may be repeated"
    )
    parser.add_argument(
        "--work",
        type=Path,
        metavar="DIR",
        help=f"your work folder; by default {VARIABLE}, else that of the repository's rollcall.toml, else the example",
    )
    parser.add_argument("--missing", action="store_true", help="deploy only the stacks that are not there")
    parser.add_argument(
        "--yes", action="store_true", help="with --aws: lose what is told to be lost, without a question"
    )
    parser.add_argument(
        "--tag", action="append", type=tag, default=[], metavar="KEY=VALUE",
        help="of the stacks and what they make, beside those that they have; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--cloudformation-role", default="", metavar="ARN", help="the role in which CloudFormation acts, with --aws"
    )
    parser.add_argument("--json", action="store_true", help="the outputs as one JSON object on stdout")
    return parser.parse_args()


def sandbox_endpoint(requested: str | None, progress: Callable[[str], None]) -> str:
    """The URL of the sandbox. Raises SandboxError if it is another user's, or if none runs and none was requested."""
    project, url = control.project(), urlsplit(requested or "")
    elsewhere = f"is not the sandbox {project!r} of this checkout; it is used since you requested it"
    if requested and url.hostname not in LOOPBACK:
        progress(f"{requested} {elsewhere}")
        return requested
    found = control.find(project, (url.port or 80) if requested else control.port())
    if not found:
        raise SandboxError(
            f"no sandbox {project!r} of this checkout is running: start it with `rollcall up`, or name another with "
            "--endpoint"
        )
    if found.engine == UNKNOWN:
        progress(f"{found.endpoint} {elsewhere}")
    return found.endpoint


def refuse_options(given: argparse.Namespace) -> None:
    """Raise Problem for an option that has a meaning on AWS only."""
    ones = {"--yes": given.yes, "--cloudformation-role": given.cloudformation_role, "--profile": given.profile,
            "--region": given.region}  # fmt: skip
    if not given.aws and (named := [option for option, value in ones.items() if value]):
        raise Problem(f"{named[0]} is for AWS: a sandbox has nothing of the kind", "leave it out, or add --aws")
    if given.command == "destroy" and (given.tag or given.parameter or given.missing):
        raise Problem("destroy takes neither --tag nor --parameter nor --missing", "leave them out")


def run(given: argparse.Namespace, progress: Callable[[str], None]) -> dict[str, dict[str, Any]]:
    """Execute the command; returns the change and the outputs of each stack."""
    refuse_options(given)
    url = None if given.aws else sandbox_endpoint(given.endpoint, progress)
    session = aws.session(url, given.profile, given.region)
    stacks = given.stack or list(STACK_NAMES)
    losing = partial(ask, given.yes, progress) if given.aws else accept
    alone = nullcontext() if given.aws else deploying(f"python -m bootstrap {given.command}", control.project())
    with alone:
        if given.command == "destroy":
            destroy(session, given.suffix, stacks, progress, losing, given.cloudformation_role)
            return {}
        if given.missing:
            cloudformation = session.client("cloudformation")
            stacks = [name for name in stacks if not find_stack(cloudformation, STACK_NAMES[name] + given.suffix)]
            if not stacks:
                progress("no stack is missing")
                return {}
        made = deploy(
            session, stacks, dict(given.parameter), given.suffix, progress=progress, work=chosen_work(given.work),
            losing=losing, tags=dict(given.tag), role=given.cloudformation_role,
        )  # fmt: skip
    return {
        name: {"stack": stack.name, "change": stack.change, "outputs": stack.outputs} for name, stack in made.items()
    }


def main() -> int:
    """Returns 0 when done, 1 if CloudFormation refused or failed, 2 for wrong usage or if nothing answers."""
    given = arguments()
    try:
        made = run(given, lambda line: print(printable(line), file=sys.stderr))
    except DeployFailed as failure:
        print(printable(str(failure)), file=sys.stderr)
        return 1
    except Problem as problem:
        hint = f"\n{problem.hint}" if problem.hint else ""
        print(printable(f"{problem}{hint}"), file=sys.stderr)
        return 2
    except (BadParameter, CannotVendor, SandboxError, BotoCoreError, ClientError) as error:
        print(printable(str(error)), file=sys.stderr)
        return 2
    if given.json:
        print(json.dumps(made, indent=2))
    else:
        for stack in made.values():
            for name, value in sorted(stack["outputs"].items()):
                print(printable(f"{stack['stack']}.{name} = {value}"))
    return 0


sys.exit(main())
