"""A Distributed Map runs any number of children, counts them right, and ends when it has to."""

import json
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.probes import eventually

PASS = {"StartAt": "Only", "States": {"Only": {"Type": "Pass", "End": True}}}


class Machine:
    """A state machine with one Distributed Map over a JSON array in a bucket of its own; removed by `remove`."""

    def __init__(self, aws, children, items, child, selector=None, timeout=None, writer=True, **options):
        self.sfn, self.s3, self.iam = aws("stepfunctions"), aws("s3"), aws("iam")
        self.name = f"map-{uuid.uuid4().hex[:10]}"
        trust = {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        role = self.iam.create_role(RoleName=self.name, AssumeRolePolicyDocument=policy)["Role"]["Arn"]
        self.s3.create_bucket(Bucket=self.name)
        self.s3.put_object(Bucket=self.name, Key="items.json", Body=json.dumps(items))
        state = {
            "Type": "Map",
            "ItemReader": {
                "Resource": "arn:aws:states:::s3:getObject",
                "ReaderConfig": {"InputType": "JSON"},
                "Parameters": {"Bucket": self.name, "Key": "items.json"},
            },
            "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": children}, **child},
            "End": True,
            **({"ItemSelector": selector} if selector else {}),
            **options,
        }
        if writer:
            parameters = {"Bucket": self.name, "Prefix": "results"}
            state["ResultWriter"] = {"Resource": "arn:aws:states:::s3:putObject", "Parameters": parameters}
        definition = {"StartAt": "Each", "States": {"Each": state}, **({"TimeoutSeconds": timeout} if timeout else {})}
        made = self.sfn.create_state_machine(name=self.name, definition=json.dumps(definition), roleArn=role)
        self.arn = made["stateMachineArn"]

    def start(self, **data):
        answer = self.sfn.start_execution(stateMachineArn=self.arn, input=json.dumps({"bucket": self.name, **data}))
        self.execution = answer["executionArn"]

    def run(self, **data):
        self.start(**data)
        return self.wait()

    def wait(self):
        def ended():
            found = self.sfn.describe_execution(executionArn=self.execution)
            assert found["status"] != "RUNNING"
            return found

        return eventually(ended)

    def map_run(self):
        found = self.sfn.list_map_runs(executionArn=self.execution)["mapRuns"]
        assert len(found) == 1
        return self.sfn.describe_map_run(mapRunArn=found[0]["mapRunArn"])

    def counts(self):
        """The counts that are not 0; items and executions agree, because a child has one item."""
        run = self.map_run()
        items = {key: value for key, value in run["itemCounts"].items() if value and key != "resultsWritten"}
        executions = {key: value for key, value in run["executionCounts"].items() if value and key != "resultsWritten"}
        assert items == executions
        return items

    def children(self, **options):
        arn = self.map_run()["mapRunArn"]
        pages = self.sfn.get_paginator("list_executions").paginate(mapRunArn=arn, **options)
        return [each for page in pages for each in page["executions"]]

    def written(self):
        found = self.s3.list_objects_v2(Bucket=self.name, Prefix="child/").get("Contents", [])
        return sorted(each["Key"] for each in found)

    def remove(self):
        self.sfn.delete_state_machine(stateMachineArn=self.arn)
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.name):
            keys = [{"Key": each["Key"]} for each in page.get("Contents", [])]
            self.s3.delete_objects(Bucket=self.name, Delete={"Objects": keys, "Quiet": True})
        self.s3.delete_bucket(Bucket=self.name)
        self.iam.delete_role(RoleName=self.name)


@pytest.fixture(params=["EXPRESS", "STANDARD"])
def children(request):
    """The type of the Map's children; most tests run with both."""
    return request.param


@pytest.fixture
def machine(aws, children):
    made = []

    def make(*arguments, **options):
        made.append(Machine(aws, children, *arguments, **options))
        return made[-1]

    yield make
    for each in made:
        each.remove()


def fails(*numbers):
    """A child that fails when its item is one of `numbers`."""
    choices = [{"Variable": "$", "NumericEquals": number, "Next": "Bad"} for number in numbers]
    states = {
        "Which": {"Type": "Choice", "Choices": choices, "Default": "Good"},
        "Bad": {"Type": "Fail", "Error": "Broken", "Cause": "as ordered"},
        "Good": {"Type": "Succeed"},
    }
    return {"StartAt": "Which", "States": states}


def writes_after(seconds):
    """A child that waits, then writes an object named after its item."""
    write = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:s3:putObject",
        "Parameters": {"Bucket.$": "$.bucket", "Key.$": "States.Format('child/{}', $.number)", "Body": "done"},
        "End": True,
    }
    wait = {"Type": "Wait", "Seconds": seconds, "Next": "Write"}
    return {"StartAt": "Wait", "States": {"Wait": wait, "Write": write}}


WRITER_INPUT = {"bucket.$": "$.bucket", "number.$": "$$.Map.Item.Value"}


EXPRESS = pytest.mark.parametrize("children", ["EXPRESS"], indirect=True)
STANDARD = pytest.mark.parametrize("children", ["STANDARD"], indirect=True)


@pytest.mark.docker
@EXPRESS
@pytest.mark.parametrize(("number", "options"), [(6_000, {}), (2_000, {"MaxConcurrency": 1})])
def test_any_number_of_children_at_any_concurrency(machine, number, options):
    each = machine(list(range(number)), PASS, **options)
    ended = each.run()
    assert ended["status"] == "SUCCEEDED"
    assert each.counts() == {"succeeded": number, "total": number}
    assert each.map_run()["status"] == "SUCCEEDED"
    output = json.loads(ended["output"])
    assert output["MapRunArn"] == each.map_run()["mapRunArn"]
    assert output["ResultWriterDetails"]["Bucket"] == each.name


def test_counts_are_right_while_children_run_and_afterwards(machine, clock):
    each = machine(list(range(4)), writes_after(4), selector=WRITER_INPUT, MaxConcurrency=2)

    def running():
        assert each.counts() == {"running": 2, "pending": 2, "total": 4}

    with clock.real():
        each.start()
        eventually(running)
        assert each.map_run()["status"] == "RUNNING"
    assert each.wait()["status"] == "SUCCEEDED"
    assert each.counts() == {"succeeded": 4, "total": 4}
    assert each.written() == [f"child/{number}" for number in range(4)]


def test_outputs_keep_the_order_of_the_items_and_a_child_sees_its_own_execution(machine):
    state = {"Type": "Pass", "Parameters": {"n.$": "$.n", "me.$": "$$.Execution.Id", "mine.$": "$$.Execution.Input.n"}}
    child = {"StartAt": "Only", "States": {"Only": {**state, "End": True}}}
    selector = {"n.$": "$$.Map.Item.Value", "from.$": "$$.Execution.Input.bucket"}
    each = machine(list(range(40)), child, selector=selector, writer=False, MaxConcurrency=8)
    output = json.loads(each.run()["output"])
    assert [found["n"] for found in output] == list(range(40))
    assert [found["mine"] for found in output] == list(range(40))
    listed = {found["executionArn"] for found in each.children(maxResults=15)}
    assert {found["me"] for found in output} == listed
    assert len(listed) == 40


def test_tolerated_failures_are_counted_and_every_child_tells_its_input(machine):
    each = machine(list(range(5)), fails(1, 3), ToleratedFailurePercentage=100.0)
    assert each.run()["status"] == "SUCCEEDED"
    assert each.counts() == {"succeeded": 3, "failed": 2, "total": 5}
    failed = each.children(statusFilter="FAILED")
    found = [each.sfn.describe_execution(executionArn=child["executionArn"]) for child in failed]
    assert sorted(one["input"] for one in found) == ["1", "3"]
    assert {(one["status"], one["error"], one["cause"]) for one in found} == {("FAILED", "Broken", "as ordered")}
    succeeded = each.children(statusFilter="SUCCEEDED")
    found = [each.sfn.describe_execution(executionArn=child["executionArn"]) for child in succeeded]
    assert sorted(one["output"] for one in found) == sorted(one["input"] for one in found) == ["0", "2", "4"]


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({}, "FAILED"),
        ({"ToleratedFailurePercentage": 30.0}, "FAILED"),
        ({"ToleratedFailurePercentage": 40.0}, "SUCCEEDED"),
        ({"ToleratedFailureCount": 1}, "FAILED"),
        ({"ToleratedFailureCount": 2}, "SUCCEEDED"),
    ],
)
def test_a_map_fails_when_more_children_fail_than_it_tolerates(machine, options, status):
    each = machine(list(range(5)), fails(1, 3), MaxConcurrency=1, **options)
    ended = each.run()
    assert ended["status"] == status
    assert each.map_run()["status"] == status
    if status == "FAILED":
        assert ended["error"] == "States.ExceedToleratedFailureThreshold"
        assert "pending" in each.counts()


def test_a_map_that_fails_can_be_caught(machine):
    catch = [{"ErrorEquals": ["States.ExceedToleratedFailureThreshold"], "Next": "Caught"}]
    each = machine([1], fails(1), Catch=catch)
    definition = json.loads(each.sfn.describe_state_machine(stateMachineArn=each.arn)["definition"])
    definition["States"]["Caught"] = {"Type": "Pass", "Result": "caught", "End": True}
    each.sfn.update_state_machine(stateMachineArn=each.arn, definition=json.dumps(definition))
    ended = each.run()
    assert (ended["status"], ended.get("output")) == ("SUCCEEDED", '"caught"')


@STANDARD
def test_stopping_the_execution_ends_its_map(machine, clock):
    each = machine(list(range(6)), writes_after(6), selector=WRITER_INPUT, MaxConcurrency=3)

    def running():
        assert each.counts().get("running") == 3

    with clock.real():
        each.start()
        eventually(running)
        each.sfn.stop_execution(executionArn=each.execution, error="Enough", cause="told to stop")
        stopped = each.wait()
    assert (stopped["status"], stopped["error"], stopped["cause"]) == ("ABORTED", "Enough", "told to stop")
    _assert_nothing_goes_on(each, clock)


@STANDARD
def test_a_stop_while_children_start_fails_none_of_them(machine):
    selector = {"number.$": "$$.Map.Item.Value", "bucket.$": "$.bucket"}
    each = machine(list(range(10_000)), PASS, selector=selector, writer=False, MaxConcurrency=40)
    each.start()

    def under_way():
        assert each.counts().get("succeeded", 0) > 100

    eventually(under_way)
    each.sfn.stop_execution(executionArn=each.execution)

    def ended():
        assert each.map_run()["status"] == "ABORTED"
        assert "running" not in each.counts()

    eventually(ended)
    counts = each.counts()
    assert set(counts) <= {"succeeded", "aborted", "pending", "total"}, counts
    assert counts["total"] == sum(counts[name] for name in counts if name != "total") == 10_000


@STANDARD
@pytest.mark.real_clock
def test_the_timeout_of_the_execution_ends_its_map(machine, clock):
    each = machine(list(range(6)), writes_after(6), selector=WRITER_INPUT, timeout=3, MaxConcurrency=3)
    each.start()
    assert each.wait()["status"] == "TIMED_OUT"
    _assert_nothing_goes_on(each, clock)


def _assert_nothing_goes_on(each, clock):
    def aborted():
        assert each.counts() == {"aborted": 3, "pending": 3, "total": 6}
        assert each.map_run()["status"] == "ABORTED"

    eventually(aborted)
    clock.advance(3600)
    assert each.written() == []
    aborted()


@EXPRESS
@pytest.mark.parametrize("end", ["stop", "deadline"])
def test_neither_a_stop_nor_a_deadline_ends_express_children_and_the_map_run_waits_for_them(machine, clock, end):
    each = machine(
        list(range(6)),
        writes_after(6),
        selector=WRITER_INPUT,
        MaxConcurrency=3,
        timeout=2 if end == "deadline" else None,
    )

    def running():
        assert each.counts() == {"running": 3, "pending": 3, "total": 6}

    with clock.real():
        each.start()
        eventually(running)
        if end == "stop":
            each.sfn.stop_execution(executionArn=each.execution)
        assert each.wait()["status"] == ("ABORTED" if end == "stop" else "TIMED_OUT")
        running()
        run = each.map_run()
        assert (run["status"], run.get("stopDate")) == ("RUNNING", None)

    def over():
        assert each.map_run()["status"] == "ABORTED"

    eventually(over)
    assert each.counts() == {"succeeded": 3, "pending": 3, "total": 6}
    assert len(each.written()) == 3
    last = max(child["stopDate"] for child in each.children(statusFilter="SUCCEEDED"))
    assert last <= each.map_run()["stopDate"]


@EXPRESS
def test_an_express_child_ends_timed_out_after_five_minutes_and_the_next_one_takes_its_place(machine):
    each = machine(list(range(3)), writes_after(400), selector=WRITER_INPUT, MaxConcurrency=1, ToleratedFailureCount=3)
    assert each.run()["status"] == "SUCCEEDED"
    assert each.counts() == {"timedOut": 3, "total": 3}
    assert each.written() == []
    for child in each.children(statusFilter="TIMED_OUT"):
        found = each.sfn.describe_execution(executionArn=child["executionArn"])
        assert 300 <= (found["stopDate"] - found["startDate"]).total_seconds() < 310
        assert json.loads(found["input"])["bucket"] == each.name


@EXPRESS
def test_the_state_machine_shows_the_definition_that_it_was_given(machine):
    each = machine([1], PASS)
    each.run()
    shown = each.sfn.describe_state_machine(stateMachineArn=each.arn)["definition"]
    assert json.loads(shown)["States"]["Each"]["ItemProcessor"]["ProcessorConfig"]["ExecutionType"] == "EXPRESS"
    assert each.sfn.describe_state_machine_for_execution(executionArn=each.execution)["definition"] == shown


@EXPRESS
def test_an_express_child_has_no_history_and_cannot_be_stopped(machine):
    each = machine([1], PASS)
    each.run()
    [child] = each.children()
    arn = child["executionArn"]
    assert arn.split(":")[5:7] == ["express", child["stateMachineArn"].rpartition(":")[2]]
    for refused in (each.sfn.get_execution_history, each.sfn.stop_execution):
        with pytest.raises(each.sfn.exceptions.InvalidArn, match="not valid in this context: express"):
            refused(executionArn=arn)


@STANDARD
def test_a_stopped_child_counts_as_aborted_and_the_others_go_on(machine, clock):
    each = machine(
        list(range(3)), writes_after(6), selector=WRITER_INPUT, MaxConcurrency=1, ToleratedFailurePercentage=100.0
    )
    with clock.real():
        each.start()

        def first():
            running = each.children(statusFilter="RUNNING")
            assert len(running) == 1
            return running[0]

        stopped = eventually(first)
        each.sfn.stop_execution(executionArn=stopped["executionArn"])
    assert each.wait()["status"] == "SUCCEEDED"
    assert each.counts() == {"aborted": 1, "succeeded": 2, "total": 3}
    assert each.written() == ["child/1", "child/2"]


@pytest.mark.parametrize("options", [{}, {"MaxConcurrency": 1}])
def test_an_inline_map_of_a_thousand_iterations_keeps_their_order(machine, options):
    each = machine([1], PASS)
    inner = {"StartAt": "Twice", "States": {"Twice": {"Type": "Pass", "Parameters": {"n.$": "$"}, "End": True}}}
    inline = {"Type": "Map", "ItemsPath": "$.numbers", "ItemProcessor": inner, "End": True, **options}
    definition = {"StartAt": "Each", "States": {"Each": inline}}
    each.sfn.update_state_machine(stateMachineArn=each.arn, definition=json.dumps(definition))
    ended = each.run(numbers=list(range(1_000)))
    assert ended["status"] == "SUCCEEDED"
    assert [found["n"] for found in json.loads(ended["output"])] == list(range(1_000))


@pytest.mark.parametrize("options", [{}, {"MaxConcurrency": 2}])
def test_an_inline_map_in_a_child_goes_through_all_of_its_iterations(machine, options):
    key = "States.Format('child/{}-{}', $.child, $.number)"
    write = writes_after(0)["States"]["Write"]
    write["Parameters"] |= {"Key.$": key}
    inline = {
        "Type": "Map",
        "ItemsPath": "$.numbers",
        "ItemSelector": {"bucket.$": "$.bucket", "child.$": "$.number", "number.$": "$$.Map.Item.Value"},
        "ItemProcessor": {"StartAt": "Write", "States": {"Write": write}},
        "End": True,
        **options,
    }
    child = {"StartAt": "Numbers", "States": {"Numbers": inline}}
    each = machine([0, 1], child, selector={**WRITER_INPUT, "numbers": list(range(50))})
    assert each.run()["status"] == "SUCCEEDED"
    assert each.counts() == {"succeeded": 2, "total": 2}
    assert each.written() == sorted(f"child/{number}-{inner}" for number in range(2) for inner in range(50))


def over_objects(machine, prefix):
    """A Map over the objects below `prefix` of its own bucket."""
    place = {"Bucket.$": "$.bucket", "Prefix": prefix}
    reader = {"Resource": "arn:aws:states:::s3:listObjectsV2", "Parameters": place}
    return machine([], PASS, writer=False, ItemReader=reader)


@EXPRESS
def test_a_map_over_objects_gets_every_one_of_them_as_aws_shows_it(machine):
    each = over_objects(machine, "objects/")
    with ThreadPoolExecutor(8) as puts:
        keys = [f"objects/{number:04}" for number in range(1_005)]
        list(puts.map(lambda key: each.s3.put_object(Bucket=each.name, Key=key, Body=b"x"), keys))
    ended = each.run()
    assert ended["status"] == "SUCCEEDED"
    assert each.counts() == {"succeeded": 1_005, "total": 1_005}
    output = json.loads(ended["output"])
    assert [found["Key"] for found in output] == keys
    assert {key: type(value) for key, value in output[0].items()} == {
        "Etag": str, "Key": str, "LastModified": int, "Size": int, "StorageClass": str,
    }  # fmt: skip


def test_a_map_over_no_objects_has_no_children(machine):
    each = over_objects(machine, "nothing/")
    ended = each.run()
    assert (ended["status"], json.loads(ended["output"])) == ("SUCCEEDED", [])


def test_a_child_may_hold_dates(machine):
    state = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:listBuckets", "End": True}
    each = machine([1, 2], {"StartAt": "List", "States": {"List": state}}, writer=False)
    ended = each.run()
    assert ended["status"] == "SUCCEEDED"
    assert all(found["Buckets"][0]["CreationDate"] for found in json.loads(ended["output"]))


def test_a_child_that_the_engine_cannot_carry_out_fails_its_map(machine):
    """Stock's intrinsic functions raise KeyError for a brace that is not closed."""
    each = machine(
        [1, 2], PASS, selector={"text.$": r"States.Format('{} \\{open', 'x')"}, ToleratedFailurePercentage=100.0
    )
    ended = each.run()
    assert ended["status"] == "FAILED"
    assert each.counts().get("succeeded", 0) == 0
