"""`python -m bootstrap deploy | destroy`: the stacks without the rest of Rollcall, in the sandbox unless `--aws`."""

import argparse
import json
import sys
from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError

from bootstrap import aws
from bootstrap.deploy import deploy
from bootstrap.destroy import destroy
from bootstrap.failures import DeployFailed
from bootstrap.parameters import BadParameter
from bootstrap.stacks import STACK_NAMES
from bootstrap.vendoring import CannotVendor

SANDBOX = "http://127.0.0.1:4566"


def parameter(text: str) -> tuple[str, str]:
    """`Name=value`."""
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not Name=value")
    return name, value


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bootstrap", description="Deploy or remove Rollcall's two stacks.")
    parser.add_argument("command", choices=["deploy", "destroy"])
    parser.add_argument("--endpoint", default=SANDBOX, help="the sandbox, %(default)s by default")
    parser.add_argument("--aws", action="store_true", help="the AWS account of your own configuration, not a sandbox")
    parser.add_argument("--profile", help="AWS profile, with --aws")
    parser.add_argument("--region", help="AWS region, with --aws")
    parser.add_argument("--suffix", default="", help="added to the stacks' names")
    parser.add_argument("--stack", action="append", choices=list(STACK_NAMES), help="only this one; may be repeated")
    parser.add_argument(
        "--parameter", action="append", type=parameter, default=[], metavar="NAME=VALUE", help="may be repeated"
    )
    parser.add_argument("--json", action="store_true", help="the outputs as one JSON object on stdout")
    return parser.parse_args()


def run(given: argparse.Namespace, progress: Callable[[str], None]) -> dict[str, dict]:
    """Do what the command line says; returns each stack's change and outputs."""
    session = aws.session(None if given.aws else given.endpoint, given.profile, given.region)
    stacks = given.stack or list(STACK_NAMES)
    if given.command == "destroy":
        destroy(session, given.suffix, stacks, progress)
        return {}
    made = deploy(session, stacks, dict(given.parameter), given.suffix, progress=progress)
    return {
        name: {"stack": stack.name, "change": stack.change, "outputs": stack.outputs} for name, stack in made.items()
    }


def main() -> int:
    """Exit 0 when done, 1 when CloudFormation refused or failed, 2 for wrong usage or a place that does not answer."""
    given = arguments()
    try:
        made = run(given, lambda line: print(line, file=sys.stderr))
    except DeployFailed as failure:
        print(failure, file=sys.stderr)
        return 1
    except (BadParameter, CannotVendor, BotoCoreError, ClientError) as error:
        print(error, file=sys.stderr)
        return 2
    if given.json:
        print(json.dumps(made, indent=2))
    else:
        for stack in made.values():
            for name, value in sorted(stack["outputs"].items()):
                print(f"{stack['stack']}.{name} = {value}")
    return 0


sys.exit(main())
