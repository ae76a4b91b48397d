"""Lists, reads and page tokens that are behind what has happened."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.state import Sandbox
from tests.clock import Clock
from tests.e2e.faults.parts import Inject, request
from tests.e2e.test_distributed_map import Machine
from tests.probes import eventually

pytest_plugins = ("tests.e2e.executor_deploy",)


@pytest.fixture
def waiting_map(aws: Callable[[str], Any], undo: ExitStack) -> Machine:
    """A Distributed Map over two items, each of which waits for five minutes."""
    child = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 300, "End": True}}}
    made = Machine(aws, "STANDARD", [1, 2], child)
    undo.callback(made.remove)
    return made


def test_stale_lists_show_neither_what_began_nor_what_ended_just_now(
    aws, inject: Inject, clock: Clock, waiting_map: Machine
):
    states = aws("stepfunctions")

    def shown() -> tuple[list[str], list[str], list[int]]:
        """The statuses of the executions and of the Map Run's children, and its counts: pending, running, succeeded."""
        executions = states.list_executions(stateMachineArn=waiting_map.arn)["executions"]
        children = states.list_executions(mapRunArn=map_run)["executions"]
        counts = states.describe_map_run(mapRunArn=map_run)["itemCounts"]
        return (
            [each["status"] for each in executions],
            [each["status"] for each in children],
            [counts[name] for name in ("pending", "running", "succeeded")],
        )

    def both_run() -> None:
        assert waiting_map.counts() == {"running": 2, "total": 2}

    with clock.real():
        waiting_map.start()
        eventually(both_run, retry_on=(AssertionError, ClientError))
        map_run = waiting_map.map_run()["mapRunArn"]
        inject({"kind": "stale-list", "service": "stepfunctions", "seconds": 100})
        assert shown() == ([], [], [2, 0, 0])
        assert states.list_map_runs(executionArn=waiting_map.execution)["mapRuns"] == []
        clock.advance(301)
        assert waiting_map.wait()["status"] == "SUCCEEDED"
        assert shown() == (["RUNNING"], ["RUNNING"] * 2, [0, 2, 0])
        assert states.list_executions(mapRunArn=map_run, statusFilter="SUCCEEDED")["executions"] == []
        assert states.describe_map_run(mapRunArn=map_run)["status"] == "RUNNING"
        clock.advance(100)
        assert shown() == (["SUCCEEDED"], ["SUCCEEDED"] * 2, [0, 0, 2])


def test_stale_reads_of_a_table_show_no_late_write_unless_they_are_consistent(
    aws, inject: Inject, clock: Clock, table: str
):
    dynamodb = aws("dynamodb")

    def shown(**how: bool) -> list[str]:
        found = dynamodb.scan(TableName=table, **how)["Items"]
        return sorted(f"{item['id']['S']}{item['n']['N']}" for item in found)

    def add(id: str, number: int) -> None:
        dynamodb.update_item(
            TableName=table,
            Key={"id": {"S": id}},
            UpdateExpression="ADD n :n",
            ExpressionAttributeValues={":n": {"N": str(number)}},
        )

    with clock.real():
        inject({"kind": "stale-list", "service": "dynamodb", "seconds": 60})
        add("a", 1)
        add("b", 1)
        assert (shown(), shown(ConsistentRead=True)) == ([], ["a1", "b1"])
        clock.advance(61)
        add("a", 1)
        dynamodb.delete_item(TableName=table, Key={"id": {"S": "b"}})
        assert (shown(), shown(ConsistentRead=True)) == (["a1", "b1"], ["a2"])
        assert dynamodb.get_item(TableName=table, Key={"id": {"S": "b"}})["Item"]["n"] == {"N": "1"}
        clock.advance(61)
        assert shown() == ["a2"]


def test_a_page_token_expires_by_the_plan_or_after_a_day(
    aws, inject: Inject, sandbox: Sandbox, clock: Clock, undo: ExitStack
):
    made = Machine(aws, "STANDARD", [], {"StartAt": "Only", "States": {"Only": {"Type": "Succeed"}}})
    undo.callback(made.remove)
    made.run()
    made.run()

    def page(**token: str) -> Any:
        return aws("stepfunctions").list_executions(stateMachineArn=made.arn, maxResults=1, **token)

    def refused() -> bool:
        with pytest.raises(ClientError) as caught:
            page(nextToken=token)
        error = caught.value.response
        return (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == ("InvalidToken", 400)

    with clock.real():
        report = inject({"kind": "expired-token", "operation": "ListExecutions"})
        token = page()["nextToken"]
        assert refused()
        assert report()["injected"] == 1
        request(sandbox, "DELETE")
        clock.advance(23 * 3600)
        assert len(page(nextToken=token)["executions"]) == 1
        clock.advance(2 * 3600)
        assert refused()
