"""`rollcall env`: prints the environment variables with which other AWS clients call the sandbox."""

import os
from typing import Annotated

import typer

from rollcall.target.connection import healthy_sandbox
from rollcall.target.target import SandboxTarget, targeted
from rollcall.terminal.console import print_json
from rollcall.terminal.options import Json

app = typer.Typer()


def settings(endpoint: str) -> dict[str, str]:
    """The variables of an AWS client of the sandbox at `endpoint`. The user's own settings are out of its sight."""
    from bootstrap.aws import REGION

    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


# Each would win over one of these, or lead elsewhere.
OVERRIDING = (
    *("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"),
    *("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT", "AWS_CA_BUNDLE"),
    *("AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)


@app.command(
    epilog='In this shell: [bold]eval "$(rollcall env)"[/], then for example [bold]aws sqs list-queues[/]; '
    'back again: [bold]eval "$(rollcall env --unset)"[/]'
)
@targeted
def env(
    target: SandboxTarget,
    unset: Annotated[bool, typer.Option("--unset", help="Print what takes them out of the shell again.")] = False,
    as_json: Json = False,
) -> None:
    """Print the variables as a shell's commands."""
    wanted = settings(healthy_sandbox(target).endpoint) if not unset else {}
    if as_json:
        print_json(wanted)
        return
    if unset:
        print(f"unset {' '.join(settings(''))}")
        return
    others = sorted({*OVERRIDING, *(name for name in os.environ if name.startswith("AWS_ENDPOINT_URL_"))})
    print(f"unset {' '.join(others)}")
    for name, value in wanted.items():
        print(f"export {name}={value}")
