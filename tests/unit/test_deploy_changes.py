"""What a change set would lose on AWS is known, asked for and prevented; what keeps nothing is not."""

import io
from collections.abc import Callable
from typing import Any

import pytest

from bootstrap.asking import ask
from bootstrap.change_sets import Stacks, refuse_busy
from bootstrap.changes import Change, losses, read_change
from bootstrap.destroy import delete, empty
from bootstrap.failures import DeployFailed, Failure
from bootstrap.kept import kept_values
from bootstrap.parameters import BadParameter, declared
from bootstrap.problem import Problem
from bootstrap.stacks import template

QUEUE = "AWS::SQS::Queue"


def modified(replacement: str, *details: tuple[str, str], kind: str = QUEUE) -> dict[str, Any]:
    """A `ResourceChange` of DescribeChangeSet; each of `details` is (Evaluation, RequiresRecreation)."""
    return {
        "Action": "Modify", "LogicalResourceId": "Thing", "ResourceType": kind, "Replacement": replacement,
        "Details": [{"Evaluation": evaluation, "Target": {"Attribute": "Properties", "RequiresRecreation": recreation}}
                    for evaluation, recreation in details],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "replaced"),
    [
        (modified("False", ("Static", "Never")), False),
        (modified("True", ("Static", "Always")), True),
        # A queue's timeout changes, and so CloudFormation does not know before whether its ARN does.
        (modified("Conditional", ("Dynamic", "Always")), False),
        (modified("Conditional", ("Dynamic", "Always"), ("Static", "Never")), False),
        (modified("Conditional", ("Static", "Conditionally")), True),
        (modified("Conditional"), True),
        ({"Action": "Add", "LogicalResourceId": "Thing", "ResourceType": QUEUE}, False),
    ],
)
def test_a_change_is_a_replacement_if_it_is_certain_and_not_if_it_depends_on_another(
    change: dict[str, Any], replaced: bool
) -> None:
    assert read_change(change).replacement is replaced


def test_what_is_lost_is_told_by_name_and_type_and_what_keeps_nothing_is_not() -> None:
    changes = [
        Change("Modify", "ChunkQueue", QUEUE, True),
        Change("Remove", "BatchState", "AWS::DynamoDB::Table", False),
        Change("Modify", "BatcherQueue", QUEUE, False),
        Change("Modify", "SdkLayer", "AWS::Lambda::LayerVersion", True),
        Change("Remove", "ChunkDeadLetterEventSource", "AWS::Lambda::EventSourceMapping", False),
        Change("Add", "Other", QUEUE, False),
    ]
    assert losses(changes) == (
        "CloudFormation replaces ChunkQueue (AWS::SQS::Queue) and removes BatchState (AWS::DynamoDB::Table), with what "
        "they hold"
    )
    assert losses(changes[2:]) == ""


class CloudFormation:
    """Answers as CloudFormation does for a stack of that status, whose change set has these changes."""

    def __init__(self, status: str, *changes: dict[str, Any]):
        self.status, self.changes, self.calls = status, changes, list[tuple[str, dict]]()

    def describe_stacks(self, **_: Any) -> dict[str, Any]:
        tags = [{"Key": "team", "Value": "orders"}, {"Key": "aws:cloudformation:stack-name", "Value": "s"}]
        outputs = [{"OutputKey": "Url", "OutputValue": "u"}]
        return {"Stacks": [{"StackName": "s", "StackStatus": self.status, "Tags": tags, "Outputs": outputs}]}

    def get_paginator(self, _: str) -> Any:
        return self

    def paginate(self, **_: Any) -> Any:
        return self

    def build_full_result(self) -> dict[str, Any]:
        return {"Status": "CREATE_COMPLETE", "Changes": [{"ResourceChange": change} for change in self.changes]}

    def create_change_set(self, **given: Any) -> dict[str, str]:
        self.calls.append(("create", given))
        return {"Id": "a-change-set", "StackId": "a-stack"}

    def delete_change_set(self, **given: Any) -> None:
        self.calls.append(("delete", given))


def no(stack: str, why: str) -> None:
    raise Problem(f"{stack}: {why}")


def test_an_update_that_loses_something_is_asked_for_and_if_refused_leaves_no_change_set() -> None:
    answers = CloudFormation("UPDATE_COMPLETE", modified("True", ("Static", "Always")))
    stacks = Stacks(answers, False, print, losing=no, tags={"stage": "live"}, role="a-role")
    plan = stacks.plan("s", "{}", {})
    with pytest.raises(Problem, match=r"s: CloudFormation replaces Thing \(AWS::SQS::Queue\)"):
        stacks.confirm([plan])
    (_, created), deleted = answers.calls
    assert created["RoleARN"] == "a-role"
    assert {tag["Key"]: tag["Value"] for tag in created["Tags"]} == {"team": "orders", "stage": "live"}
    assert deleted == ("delete", {"StackName": "s", "ChangeSetName": "a-change-set"})


def test_an_update_that_loses_nothing_is_not_asked_for() -> None:
    answers = CloudFormation("UPDATE_COMPLETE", modified("Conditional", ("Dynamic", "Always")))
    stacks = Stacks(answers, False, print, losing=no)
    stacks.confirm([stacks.plan("s", "{}", {})])
    assert [call for call, _ in answers.calls] == ["create"]


def test_a_stack_that_must_be_deleted_first_is_asked_for() -> None:
    stacks = Stacks(CloudFormation("DELETE_FAILED"), False, print, losing=no)
    with pytest.raises(Problem, match=r"s: it is deleted .* an earlier deployment has failed \(DELETE_FAILED\)"):
        stacks.confirm([stacks.plan("s", "{}", {})])


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("UPDATE_ROLLBACK_FAILED", "aws cloudformation continue-update-rollback --stack-name s"),
        ("UPDATE_IN_PROGRESS", r"CloudFormation is changing it \(UPDATE_IN_PROGRESS\): wait"),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "wait until that has ended, then deploy again"),
    ],
)
def test_a_stack_that_cannot_be_changed_now_is_refused_with_the_next_step(status: str, said: str) -> None:
    with pytest.raises(DeployFailed, match=said):
        Stacks(CloudFormation(status), False, print).plan("s", "{}", {})


@pytest.mark.parametrize("status", ["REVIEW_IN_PROGRESS", "CREATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"])
def test_any_other_stack_is_not(status: str) -> None:
    refuse_busy("s", status)


def stack_with(status: str = "UPDATE_COMPLETE", **parameters: str) -> dict[str, Any]:
    given = [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()]
    return {"StackName": "s", "StackStatus": status, "Parameters": given}


def test_a_stack_keeps_what_is_neither_given_nor_computed_nor_gone_from_the_template() -> None:
    known = declared(template("sqs"))
    found = stack_with(MaxConcurrency="200", EventBusName="orders", CodeKey="code/1.zip", GoneByNow="1", BatchSize="4")
    assert kept_values(found, known, {"BatchSize": "2"}) == {"MaxConcurrency": "200", "EventBusName": "orders"}
    assert kept_values(None, known, {}) == kept_values(stack_with("ROLLBACK_COMPLETE", BatchSize="4"), known, {}) == {}


def test_a_kept_value_that_the_template_does_not_allow_any_more_is_refused_with_the_stack() -> None:
    with pytest.raises(BadParameter, match=r"s has MaxConcurrency=1: it must be .* 2 to 1000. Say another"):
        kept_values(stack_with(MaxConcurrency="1"), declared(template("sqs")), {})


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("answer", "refused"), [("y\n", False), ("YES\n", False), ("\n", True), ("no\n", True)])
def test_a_question_is_answered_at_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], answer: str, refused: bool
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    said: list[str] = []
    asked: Callable[[], None] = lambda: ask(False, said.append, "s", "it runs 2 batches")  # noqa: E731
    if refused:
        with pytest.raises(Problem, match="s is left as it is"):
            asked()
    else:
        asked()
    assert said == ["s: it runs 2 batches"]
    assert capsys.readouterr().err == "go on? [y/N] "


def test_where_nobody_can_be_asked_the_next_step_is_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    with pytest.raises(Problem, match="nobody could be asked") as refused:
        ask(False, print, "s", "it runs 2 batches")
    assert refused.value.hint == "to go on all the same, add --yes"
    ask(True, print, "s", "it runs 2 batches")


class Bucket:
    """A bucket with a page of objects for each look at it."""

    def __init__(self, *pages: list[str], errors: tuple[dict[str, str], ...] = ()):
        self.pages, self.errors, self.deleted = list(pages), errors, list[str]()

    def get_paginator(self, _: str) -> Any:
        return self

    def paginate(self, **_: Any) -> list[dict[str, Any]]:
        return [{"Contents": [{"Key": key} for key in (self.pages.pop(0) if self.pages else [])]}]

    def delete_objects(self, **given: Any) -> dict[str, Any]:
        self.deleted += [each["Key"] for each in given["Delete"]["Objects"]]
        return {"Errors": list(self.errors)}


class Failing:
    """A stack whose first deletions fail."""

    def __init__(self, times: int):
        self.left = times

    def delete(self, stack: str) -> None:
        self.left -= 1
        if self.left >= 0:
            raise DeployFailed([Failure(stack, "BatchBucket", "AWS::S3::Bucket", "DELETE_FAILED", "not empty")])


def test_a_bucket_that_was_written_to_meanwhile_is_emptied_again_and_the_stack_deleted_again() -> None:
    bucket = Bucket(["a"], ["late"])
    delete(Failing(1), bucket, "s", "b")  # type: ignore[arg-type]
    assert bucket.deleted == ["a", "late"]


def test_a_deletion_that_fails_for_another_reason_or_again_is_told() -> None:
    for times, pages in ((1, ([],)), (2, (["a"], ["late"]))):
        with pytest.raises(DeployFailed, match="not empty"):
            delete(Failing(times), Bucket(*pages), "s", "b")  # type: ignore[arg-type]


def test_an_object_that_s3_refuses_to_delete_is_named() -> None:
    denied = {"Key": "k", "Code": "AccessDenied", "Message": "no"}
    with pytest.raises(DeployFailed, match=r"b.*REFUSED: k cannot be deleted: AccessDenied no"):
        empty(Bucket(["k"], errors=(denied,)), "b")
