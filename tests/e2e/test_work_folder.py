"""A work folder, from `rollcall new` to its end: its code, items, dependency, secret, bucket and permissions."""

import hashlib
import hmac
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from bootstrap.aws import session
from bootstrap.change_sets import accept
from bootstrap.deploy import StackOutputs, deploy
from bootstrap.destroy import destroy
from bootstrap.dev import watch
from bootstrap.dev_work import watched_work
from bootstrap.problem import Problem
from bootstrap.work import deployment
from bootstrap.work.problem import BadWork
from bootstrap.work.secret import Secret
from bootstrap.work.secret_stores import Found, find
from rollcall.commands.new import make
from rollcall.target.connection import Connection
from rollcall.target.work import deployed_work, other_work
from sandbox.state import Sandbox
from tests.e2e.badges import GUESTS, SECRET, badge_of
from tests.e2e.command_line import Rollcall
from tests.e2e.first_day import LIMIT_SECONDS, first_day
from tests.e2e.stacks import QUICK
from tests.e2e.test_permissions import allowed, called, covers
from tests.probes import eventually
from tests.readme import readme_files

pytestmark = pytest.mark.usefixtures("real_time")


class Job:
    """The badges' work folder, deployed under a suffix of its own by the commands of the first five minutes."""

    def __init__(self, sandbox: Sandbox, aws: Callable[[str], Any], folder: Path):
        self.sandbox, self.aws, self.folder = sandbox, aws, folder
        self.suffix = f"Job{uuid.uuid4().hex[:6]}"
        self.session = session(sandbox.endpoint)
        self.rollcall = Rollcall(sandbox, self.suffix, folder.parent)
        environment = {
            "ROLLCALL_PORT": str(sandbox.port),
            "ROLLCALL_PROJECT": sandbox.project,
            "ROLLCALL_SUFFIX": self.suffix,
            "ENGINE": sandbox.engine,
        }
        self.took, self.printed = first_day(folder, environment)

    def run(self, architecture: str, *words: str) -> dict:
        """Run a batch of this work; returns its summary."""
        return self.rollcall.json("run", architecture, f"--work={self.folder}", *words)

    def deploy(self, *stacks: str) -> dict[str, StackOutputs]:
        """Deploy the folder as it is now."""
        return deploy(self.session, stacks or ("sqs", "sfn"), suffix=self.suffix, work=self.folder)

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace a text in one of the files."""
        text = (self.folder / name).read_text()
        assert old in text
        (self.folder / name).write_text(text.replace(old, new))

    def described(self, name: str = "SqsBatchProcessing") -> dict[str, Any] | None:
        """CloudFormation's description of a stack of this suffix."""
        found = self.aws("cloudformation").describe_stacks()["Stacks"]
        there = (stack for stack in found if stack["StackStatus"] != "DELETE_COMPLETE")
        return next((stack for stack in there if stack["StackName"] == name + self.suffix), None)

    @property
    def bucket(self) -> str:
        """The bucket of its own."""
        [output] = self.described("RollcallResources")["Outputs"]  # type: ignore[index]
        return output["OutputValue"]

    def badges(self) -> dict[str, str]:
        """The badges in the bucket, by the guest's id."""
        s3 = self.aws("s3")
        keys = [found["Key"] for found in s3.list_objects_v2(Bucket=self.bucket).get("Contents", [])]
        return {key: s3.get_object(Bucket=self.bucket, Key=key)["Body"].read().decode() for key in keys}

    def signature(self, guest: str) -> str:
        """With what a badge is signed."""
        return self.aws("s3").head_object(Bucket=self.bucket, Key=guest)["Metadata"]["signature"]

    def empty(self) -> None:
        """Delete what the batches made."""
        for key in self.badges():
            self.aws("s3").delete_object(Bucket=self.bucket, Key=key)


@pytest.fixture(scope="module")
def job(sandbox: Sandbox, aws: Callable[[str], Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Job]:
    """The job; the module's tests edit it, one after another."""
    made = Job(sandbox, aws, tmp_path_factory.mktemp("first-day") / "badges")
    yield made
    if made.described("RollcallResources"):
        made.empty()
    destroy(made.session, made.suffix)


def signed(secret: str, guest: int) -> str:
    return hmac.new(secret.encode(), badge_of(f"Guest {guest}").encode(), hashlib.sha256).hexdigest()


def test_from_a_new_folder_to_finished_batches_of_own_items_takes_less_than_five_minutes(job: Job):
    print(job.took)
    assert sum(job.took.values()) < LIMIT_SECONDS
    assert job.printed.count("SUCCEEDED") == 2
    assert job.printed.count(f"({GUESTS} succeeded, 0 failed)") == 2
    assert job.badges() == {f"g{number}": badge_of(f"Guest {number}") for number in range(GUESTS)}
    assert job.signature("g7") == signed(SECRET, 7)


def test_a_secret_is_in_no_output_parameter_log_or_code(job: Job, aws: Callable[[str], Any]):
    assert SECRET not in job.printed
    assert SECRET not in json.dumps(aws("cloudformation").describe_stacks(), default=str)
    logs = aws("logs")
    groups = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
    for group in (name for name in groups if job.suffix in name):
        lines = [event["message"] for event in logs.filter_log_events(logGroupName=group)["events"]]
        assert lines or "Recorder" in group or "vendedlogs" in group  # of executions, off by default
        assert SECRET not in "".join(lines)
    stored = aws("ssm").get_parameter(Name="/badges/signing-key", WithDecryption=True)["Parameter"]
    assert (stored["Type"], stored["Value"]) == ("SecureString", SECRET)


def test_no_function_of_the_work_calls_what_its_roles_policies_do_not_allow(job: Job, sandbox: Sandbox):
    made = job.deploy()
    assert {stack.change for stack in made.values()} == {"unchanged"}
    permissions, calls = allowed(job.aws, job.suffix), called(sandbox)
    needed = {call for role in permissions for call in calls[role]}
    assert ("s3:PutObject", f"arn:aws:s3:::{job.bucket}/g1") in needed
    assert ("ssm:GetParameters", "arn:aws:ssm:us-east-1:000000000000:parameter/badges/signing-key") in needed
    for role, allows in permissions.items():
        assert not [call for call in calls[role] if not any(covers(each, call) for each in allows)], role


def test_run_deploys_an_edit_first_and_refuses_work_that_cannot_be_imported(job: Job):
    run = ("run", "sqs", f"--work={job.folder}")
    job.edit("work.py", "import boto3\n", "import boto3\nimport pandas\n")
    before = job.described()["LastUpdatedTime"]  # type: ignore[index]
    _, said = job.rollcall(*run, expect=2)
    assert "No module named 'pandas' (work.py, line 9)" in said
    assert job.described()["LastUpdatedTime"] == before  # type: ignore[index]
    job.edit("work.py", "import pandas\n", "# edited\n")
    _, said = job.rollcall(*run)
    assert f"deploying {job.folder}: the stack runs an older edit of it" in said
    _, said = job.rollcall(*run)
    assert "deploying" not in said


def test_a_parameter_of_one_architecture_does_not_stop_the_other_ones_deployment(job: Job):
    job.edit("rollcall.toml", "[environment]", '[parameters]\nChildType = "STANDARD"\n[environment]')
    try:
        assert job.deploy("sqs")["sqs"].change == "unchanged"
    finally:
        job.edit("rollcall.toml", '[parameters]\nChildType = "STANDARD"\n', "")


def test_status_tells_which_work_runs_and_dev_of_the_example_does_not_replace_it(job: Job):
    out, _ = job.rollcall("status")
    assert out.count("work  badges") == 2
    _, said = job.rollcall("dev", expect=2)
    assert "runs the work badges, and without --work the example is watched" in said


def test_on_aws_run_refuses_stacks_that_run_another_work_with_the_command_that_deploys_it(job: Job, tmp_path: Path):
    job.deploy("sqs")
    on_aws = Connection(job.session, job.suffix, endpoint=None)
    assert other_work(on_aws, "sqs", job.folder) is None
    make(tmp_path / "other")
    with pytest.raises(Problem, match=r"does not run .*other as it is now, but badges") as refused:
        other_work(on_aws, "sqs", tmp_path / "other")
    assert f"python -m bootstrap deploy --aws --work {tmp_path / 'other'}" in refused.value.hint


def test_a_secret_that_is_not_on_aws_is_refused_by_its_name_and_line(job: Job, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(deployment, "is_sandbox", lambda _: False)
    job.edit("rollcall.toml", "ssm:/badges/signing-key", "secretsmanager:badges/nowhere")
    try:
        says = (
            r"rollcall.toml, line 7: secrets.SIGNING_KEY: there is no secret in Secrets Manager called badges/nowhere"
        )
        with pytest.raises(BadWork, match=says):
            job.deploy("sqs")
    finally:
        job.edit("rollcall.toml", "secretsmanager:badges/nowhere", "ssm:/badges/signing-key")


def test_a_secret_is_found_by_its_name_with_the_key_that_it_needs(aws: Callable[[str], Any], job: Job):
    key = aws("kms").create_key()["KeyMetadata"]
    name = f"own-{uuid.uuid4().hex[:8]}"
    aws("ssm").put_parameter(Name=f"/{name}", Value="x", Type="SecureString", KeyId=key["KeyId"])
    aws("ssm").put_parameter(Name=f"/{name}/plain", Value="x", Type="String")
    arn = aws("secretsmanager").create_secret(Name=name, SecretString="x", KmsKeyId=key["Arn"])["ARN"]
    place = "arn:aws:ssm:us-east-1:000000000000:parameter"
    assert find(job.session, Secret("ssm", f"/{name}")) == Found(f"{place}/{name}", key["Arn"])
    assert find(job.session, Secret("ssm", f"/{name}/plain")) == Found(f"{place}/{name}/plain", None)
    assert find(job.session, Secret("secretsmanager", name)) == Found(arn, key["Arn"])
    assert find(job.session, Secret("ssm", f"/{name}/none")) is None
    assert find(job.session, Secret("secretsmanager", f"{name}-none")) is None


def test_an_edited_permission_changes_the_policy_in_place_and_no_function(job: Job):
    job.edit("rollcall.toml", '["s3:PutObject"]', '["s3:PutObject", "s3:GetObject"]')
    # By the command that deploys to AWS too.
    where = ["--endpoint", job.sandbox.endpoint, "--suffix", job.suffix, "--stack", "sqs", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "bootstrap", "deploy", "--work", str(job.folder), *where],
        env={**os.environ, "ROLLCALL_PROJECT": job.sandbox.project},
        capture_output=True,
        text=True,
    )
    made = json.loads(done.stdout)["sqs"]
    assert made["change"] == "unchanged", done.stderr
    processor = made["outputs"]["ProcessorFunctionName"]
    role = job.aws("lambda").get_function_configuration(FunctionName=processor)["Role"]
    assert ("s3:GetObject", f"arn:aws:s3:::{job.bucket}/*") in allowed(job.aws, job.suffix)[role]


def test_an_edited_secret_reaches_the_next_batch(job: Job):
    job.edit(".env", SECRET, "another")
    job.deploy("sqs")
    try:
        assert job.run("sqs")["succeeded"] == GUESTS
        assert job.signature("g3") == signed("another", 3)
    finally:
        job.edit(".env", "another", SECRET)


def test_dev_puts_edits_of_the_whole_folder_live_and_refuses_what_cannot_be_imported(job: Job):
    said: list[str] = []
    stop = Event()
    watched = watched_work(job.session, job.suffix, job.folder, accept)
    tell = lambda _, line: said.append(line)  # noqa: E731
    watching = Thread(target=watch, args=(job.session, job.suffix, watched, tell, stop))
    watching.start()

    def edited(name: str, old: str, new: str, says: str) -> None:
        said.clear()
        job.edit(name, old, new)

        def noticed() -> None:
            if not said:
                # Again, since the watch may have begun after it.
                (job.folder / name).write_text((job.folder / name).read_text())
            assert any(line.startswith(f"{name}: {says}") for line in said), said

        eventually(noticed, interval=0.5)

    try:
        edited("work.py", 'item["name"]', 'item["name"].upper()', "live")
        assert job.run("sqs")["succeeded"] == GUESTS
        assert job.badges()["g5"] == badge_of("GUEST 5")
        edited("work.py", "import hmac\n", "import hmac, pandas\n", "not live, the old code stays: work.py cannot be")
        edited("work.py", "import hmac, pandas\n", "import hmac\n", "live")
        edited("rollcall.toml", 'EVENT = "PyCon"', 'EVENT = "EuroPython"', "live")
        assert job.run("sqs")["succeeded"] == GUESTS
        assert "EuroPython" in job.badges()["g5"]
        assert deployed_work(Connection(job.session, job.suffix), "sqs").parameters == {}
    finally:
        stop.set()
        watching.join()


@pytest.mark.parametrize("architecture", ["sqs", "sfn"])
def test_the_code_that_readme_prints_runs_exactly_as_printed(job: Job, tmp_path: Path, architecture: str):
    folder = tmp_path / "readme"
    folder.mkdir()
    files = readme_files()
    assert set(files) == {"work.py", "source.py"}
    for name, text in files.items():
        (folder / name).write_text(text)
    summary, said = job.rollcall("run", architecture, f"--work={folder}", "--items=12", "--items-per-chunk=5", "--json")
    assert f"deploying {folder}: the stack runs badges" in said
    result = json.loads(summary)
    assert (result["status"], result["succeeded"], result["chunks"]) == ("SUCCEEDED", 12, 3)


def test_the_example_takes_the_permissions_away_and_leaves_the_own_resources(job: Job):
    kept = job.described()["StackId"]  # type: ignore[index]
    said: list[str] = []
    made = deploy(job.session, parameters=QUICK, suffix=job.suffix, progress=said.append)
    # In place: a stack that is made again loses its batches.
    assert {stack.change for stack in made.values()} == {"updated"}
    assert job.described()["StackId"] == kept  # type: ignore[index]
    assert job.described("RollcallWork") is None
    assert any("RollcallResources" in line and "stays" in line for line in said)
    assert job.badges()


def test_destroy_keeps_a_bucket_with_objects_and_removes_everything_once_it_is_empty(job: Job):
    with pytest.raises(
        BadWork, match=f"RollcallResources{job.suffix} is not deleted: {job.bucket}, .* still has objects"
    ):
        destroy(job.session, job.suffix)
    assert job.badges()
    assert job.described() is None
    job.empty()
    destroy(job.session, job.suffix)
    assert [job.described(name) for name in ("RollcallWork", "RollcallResources")] == [None, None]
