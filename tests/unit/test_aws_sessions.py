"""What of the user's AWS settings reaches a session: nothing in the sandbox; on AWS no other place than AWS."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bootstrap import aws
from tests.canary import HOSTILE, canary_home, of_a_user
from tests.unit.commands import Cli, refused

ENDPOINT = "http://127.0.0.1:9"
# Every client of Rollcall's, made in a process of its own: botocore keeps much of what it read. It ends before it has
# any garbage worth collecting, and would look for some in each service's long model.
CLIENTS = """
import gc, sys
gc.disable()
from bootstrap import aws
session = aws.session("http://127.0.0.1:9")
for service in ("cloudformation", "dynamodb", "events", "iam", "lambda", "logs", "s3", "sqs", "stepfunctions", "sts"):
    client = session.client(service)
    config = client.meta.config
    print(client.meta.endpoint_url, client.meta.region_name, config.signature_version, config.retries, config.proxies,
          client.meta.service_model.metadata["serviceId"], config.s3, config.user_agent, client.meta.partition,
          config.defaults_mode, config.use_fips_endpoint, config.inject_host_prefix,
          config.request_checksum_calculation)
print(session._boto3._session.get_auth_token(signing_name="sqs"))
sqs = session.resource("sqs")
print(sqs.meta.client.meta.endpoint_url)
assert "planted" not in sys.modules
"""


def clients(home: Path, *names: str) -> str:
    """What the clients of a sandbox look like to a user with this home and these settings."""
    ended = subprocess.run(
        [sys.executable, "-c", CLIENTS],
        # One seed, because the user agent is made of a set.
        env={**of_a_user(home, *names), "PYTHONHASHSEED": "1", "PYTHONPATH": str(home / "code")},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The clients of a user who has no AWS settings at all."""
    return clients(tmp_path_factory.mktemp("home"))


@pytest.mark.parametrize("name", HOSTILE)
def test_no_setting_of_the_user_stops_or_steers_a_client_of_the_sandbox(
    tmp_path: Path, untouched: str, name: str
) -> None:
    home = canary_home(tmp_path, name)
    assert clients(home, name) == untouched


def test_no_file_of_the_user_is_opened_for_the_sandbox(tmp_path: Path) -> None:
    canary_home(tmp_path, "a working home")
    watch = (
        "import os, sys\n"
        "def seen(event, arguments):\n"
        "    if event in ('open', 'os.listdir', 'os.scandir') and '.aws' in str(arguments[0]):\n"
        "        raise SystemExit(f'{event} {arguments}')\n"
        "sys.addaudithook(seen)\n" + CLIENTS
    )
    ended = subprocess.run(
        [sys.executable, "-c", watch],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """AWS settings of a test's own; nothing leads anywhere yet."""
    for name in [name for name in os.environ if name.startswith("AWS_ENDPOINT_URL")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    return monkeypatch


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SQS", "AWS_ENDPOINT_URL_STS"])
def test_aws_with_an_endpoint_in_the_environment_is_refused(cli: Cli, settings: pytest.MonkeyPatch, name: str) -> None:
    settings.setenv(name, ENDPOINT)
    refused(cli("status", "--aws"), name, ENDPOINT, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true")


@pytest.mark.parametrize(
    ("config", "setting"),
    [
        (f"[default]\nendpoint_url = {ENDPOINT}\n", "endpoint_url of your AWS profile default"),
        (f"[default]\nservices = mine\n[services mine]\nsqs =\n  endpoint_url = {ENDPOINT}\n", "endpoint_url (sqs)"),
    ],
)
def test_aws_with_an_endpoint_in_the_profile_is_refused(
    cli: Cli, settings: pytest.MonkeyPatch, tmp_path: Path, config: str, setting: str
) -> None:
    (tmp_path / "config").write_text(config)
    refused(cli("status", "--aws"), setting, ENDPOINT, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true")


def test_aws_with_an_endpoint_that_aws_ignores_goes_to_aws(settings: pytest.MonkeyPatch) -> None:
    settings.setenv("AWS_ENDPOINT_URL", ENDPOINT)
    settings.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    session = aws.session(None, region="eu-west-1")
    assert session.client("sqs").meta.endpoint_url == "https://sqs.eu-west-1.amazonaws.com"
    assert session.region_name == "eu-west-1"


def test_the_endpoint_of_another_profile_is_no_obstacle(settings: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "config").write_text(f"[default]\nendpoint_url = {ENDPOINT}\n[profile work]\nregion = eu-west-1\n")
    settings.delenv("AWS_DEFAULT_REGION")
    assert aws.session(None, profile="work").region_name == "eu-west-1"


def test_an_aws_setting_that_cannot_be_read_is_named(cli: Cli, settings: pytest.MonkeyPatch) -> None:
    settings.setenv("AWS_MAX_ATTEMPTS", "abc")
    refused(cli("status", "--aws"), "max_attempts", "abc")


@pytest.mark.parametrize("words", [["deploy"], ["destroy"]])
def test_bootstrap_refuses_aws_with_an_endpoint_too(settings: pytest.MonkeyPatch, words: list[str]) -> None:
    settings.setenv("AWS_ENDPOINT_URL", ENDPOINT)
    ended = subprocess.run(
        [sys.executable, "-m", "bootstrap", *words, "--aws"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith(f"AWS_ENDPOINT_URL is {ENDPOINT!r}")
    assert "Traceback" not in ended.stderr
