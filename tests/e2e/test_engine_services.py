"""What Rollcall needs of the engine's services beyond Lambda: each behaviour here is one that AWS documents."""

import io
import json
import urllib.request
import uuid
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

from tests.probes import eventually

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": ["lambda.amazonaws.com", "states.amazonaws.com"]},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)


def text(value):
    return {"S": value}


def number(value):
    return {"N": str(value)}


def key(partition, sort):
    return {"PK": text(partition), "SK": text(sort)}


@pytest.fixture
def name():
    return f"services-{uuid.uuid4().hex[:10]}"


@pytest.fixture
def table(aws, name):
    dynamodb = aws("dynamodb")
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "PK", "KeyType": "HASH"}, {"AttributeName": "SK", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in ("PK", "SK")],
        BillingMode="PAY_PER_REQUEST",
    )
    dynamodb.get_waiter("table_exists").wait(TableName=name)
    yield name
    dynamodb.delete_table(TableName=name)


@pytest.fixture
def role(aws, name):
    made = aws("iam").create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    yield made
    aws("iam").delete_role(RoleName=name)


def refused(call, **parameters):
    """The answer to a call that a condition must refuse."""
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    answer = caught.value.response
    assert answer["Error"]["Code"] == "ConditionalCheckFailedException"
    return answer


def test_a_refused_write_shows_the_item_that_stood_in_its_way(aws, table):
    dynamodb = aws("dynamodb")
    item = {**key("b", "1"), "lease": number(5), "done": {"B": b"\x01"}}
    dynamodb.put_item(TableName=table, Item=item)
    condition = {
        "TableName": table,
        "ConditionExpression": "lease < :now",
        "ExpressionAttributeValues": {":now": number(3)},
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    assert refused(dynamodb.update_item, Key=key("b", "1"), **condition)["Item"] == item
    assert refused(dynamodb.delete_item, Key=key("b", "1"), **condition)["Item"] == item
    assert refused(dynamodb.put_item, Item=key("b", "1"), **condition)["Item"] == item
    assert "Item" not in refused(dynamodb.update_item, Key=key("b", "2"), **condition)


def test_taking_the_last_number_out_of_a_set_removes_the_attribute(aws, table):
    dynamodb = aws("dynamodb")
    dynamodb.put_item(TableName=table, Item={**key("b", "1"), "segments": {"NS": ["0", "1"]}})

    def finish(segment):
        return dynamodb.update_item(
            TableName=table,
            Key=key("b", "1"),
            UpdateExpression="DELETE #segments :segments ADD made :made",
            ConditionExpression="contains(#segments, :segment)",
            ExpressionAttributeNames={"#segments": "segments"},  # a reserved word
            ExpressionAttributeValues={
                ":segments": {"NS": [segment]},
                ":segment": number(segment),
                ":made": number(7),
            },
            ReturnValues="ALL_NEW",
        )["Attributes"]

    assert finish("0") == {**key("b", "1"), "segments": {"NS": ["1"]}, "made": number(7)}
    assert finish("1") == {**key("b", "1"), "made": number(14)}
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        finish("1")


def test_one_of_many_writers_under_the_same_condition_wins(aws, table):
    dynamodb = aws("dynamodb")
    for round_ in range(10):
        place = key("race", str(round_))
        dynamodb.put_item(TableName=table, Item={**place, "lease": number(0)})

        def claim(writer, place=place):
            try:
                dynamodb.update_item(
                    TableName=table,
                    Key=place,
                    UpdateExpression="SET lease = :writer ADD claims :one",
                    ConditionExpression="lease = :free",
                    ExpressionAttributeValues={":writer": number(writer), ":free": number(0), ":one": number(1)},
                )
            except dynamodb.exceptions.ConditionalCheckFailedException:
                return False
            return True

        with ThreadPoolExecutor(8) as threads:
            assert sum(threads.map(claim, range(1, 9))) == 1
        assert dynamodb.get_item(TableName=table, Key=place)["Item"]["claims"] == number(1)


def test_a_query_sees_its_partition_in_order_page_by_page(aws, table):
    dynamodb = aws("dynamodb")
    for start in range(0, 100, 25):
        puts = [{"PutRequest": {"Item": key("p", f"{index:03d}")}} for index in range(start, start + 25)]
        assert dynamodb.batch_write_item(RequestItems={table: puts})["UnprocessedItems"] == {}
    dynamodb.put_item(TableName=table, Item=key("other", "000"))

    def query(condition="PK = :p", values=None, **options):
        return dynamodb.query(
            TableName=table,
            KeyConditionExpression=condition,
            ExpressionAttributeValues={":p": text("p"), **(values or {})},
            ConsistentRead=True,
            **options,
        )

    def sorts(answer):
        return [int(item["SK"]["S"]) for item in answer["Items"]]

    assert sorts(query(Limit=1)) == [0]
    assert sorts(query(Limit=1, ScanIndexForward=False)) == [99]
    below = {":m": text("040")}
    assert sorts(query("PK = :p AND SK < :m", below)) == list(range(40))
    assert sorts(query("PK = :p AND SK >= :m", below, Limit=3)) == [40, 41, 42]
    assert query(Select="COUNT")["Count"] == 100
    limited = query(Select="COUNT", Limit=30)
    assert (limited["Count"], limited["LastEvaluatedKey"]) == (30, key("p", "029"))
    seen, options = [], {"Limit": 30}
    while True:
        answer = query(**options)
        seen += sorts(answer)
        if "LastEvaluatedKey" not in answer:
            break
        options["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
    assert seen == list(range(100))
    backwards = query(ScanIndexForward=False, Limit=2, ExclusiveStartKey=key("p", "050"))
    assert sorts(backwards) == [49, 48]
    dynamodb.delete_item(TableName=table, Key=key("p", "000"))
    dynamodb.put_item(TableName=table, Item={**key("p", "001"), "new": number(1)})
    assert query(Limit=1)["Items"] == [{**key("p", "001"), "new": number(1)}]
    empty = dynamodb.query(
        TableName=table, KeyConditionExpression="PK = :p", ExpressionAttributeValues={":p": text("none")}, Limit=1
    )
    assert (empty["Count"], empty["Items"]) == (0, [])


def test_a_transaction_happens_as_a_whole_or_not_at_all(aws, table):
    dynamodb = aws("dynamodb")
    dynamodb.put_item(TableName=table, Item={**key("b", "1"), "state": text("OPEN")})
    dynamodb.put_item(TableName=table, Item=key("b", "old"))

    def transact(state):
        check = {
            "TableName": table,
            "Key": key("b", "1"),
            "ConditionExpression": "#state = :state",
            "ExpressionAttributeNames": {"#state": "state"},
            "ExpressionAttributeValues": {":state": text(state)},
        }
        update = {
            "TableName": table,
            "Key": key("b", "counter"),
            "UpdateExpression": "ADD made :one",
            "ExpressionAttributeValues": {":one": number(1)},
        }
        dynamodb.transact_write_items(
            TransactItems=[
                {"Put": {"TableName": table, "Item": key("b", "new")}},
                {"Delete": {"TableName": table, "Key": key("b", "old")}},
                {"Update": update},
                {"ConditionCheck": check},
            ]
        )

    def sorts():
        answer = dynamodb.query(
            TableName=table, KeyConditionExpression="PK = :p", ExpressionAttributeValues={":p": text("b")}
        )
        return [item["SK"]["S"] for item in answer["Items"]]

    with pytest.raises(dynamodb.exceptions.TransactionCanceledException) as caught:
        transact("CLOSED")
    assert [each["Code"] for each in caught.value.response["CancellationReasons"]][3] == "ConditionalCheckFailed"
    assert sorts() == ["1", "old"]
    transact("OPEN")
    assert sorts() == ["1", "counter", "new"]


def test_time_to_live_is_kept(aws, table):
    dynamodb = aws("dynamodb")
    specification = {"Enabled": True, "AttributeName": "expiresAt"}
    dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification=specification)
    found = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    assert found == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expiresAt"}


def test_queue_urls_name_the_endpoint_by_its_address(aws, sandbox, name):
    sqs = aws("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    assert url.startswith("http://127.0.0.1:")
    sqs.send_message(QueueUrl=url, MessageBody="x")
    sqs.delete_queue(QueueUrl=url)


def machine(aws, name, role, states, **options):
    definition = json.dumps({"StartAt": "First", "States": states, **options})
    made = aws("stepfunctions").create_state_machine(name=name, roleArn=role, definition=definition)
    return made["stateMachineArn"]


def test_starting_an_execution_again_is_harmless_while_it_runs(aws, clock, name, role):
    sfn = aws("stepfunctions")
    arn = machine(aws, name, role, {"First": {"Type": "Wait", "Seconds": 30, "End": True}})
    with clock.real():
        first = sfn.start_execution(stateMachineArn=arn, name="one", input="{}")
        assert sfn.start_execution(stateMachineArn=arn, name="one", input="{}")["executionArn"] == first["executionArn"]
        with pytest.raises(sfn.exceptions.ExecutionAlreadyExists):
            sfn.start_execution(stateMachineArn=arn, name="one", input='{"other": 1}')
        sfn.stop_execution(executionArn=first["executionArn"])

    def closed():
        assert sfn.describe_execution(executionArn=first["executionArn"])["status"] == "ABORTED"

    eventually(closed)
    with pytest.raises(sfn.exceptions.ExecutionAlreadyExists):
        sfn.start_execution(stateMachineArn=arn, name="one", input="{}")
    sfn.delete_state_machine(stateMachineArn=arn)


def test_every_end_of_an_execution_is_an_event(aws, clock, name, role):
    sfn, events, sqs = aws("stepfunctions"), aws("events"), aws("sqs")
    states = {
        "First": {
            "Type": "Choice",
            "Choices": [
                {"Variable": "$.end", "StringEquals": "SUCCEEDED", "Next": "Good"},
                {"Variable": "$.end", "StringEquals": "FAILED", "Next": "Bad"},
            ],
            "Default": "Long",
        },
        "Good": {"Type": "Succeed"},
        "Bad": {"Type": "Fail", "Error": "E", "Cause": "C"},
        "Long": {"Type": "Wait", "Seconds": 60, "End": True},
    }
    arn = machine(aws, name, role, states, TimeoutSeconds=6)
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    queue_arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    ends = ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"]
    pattern = {
        "source": ["aws.states"],
        "detail-type": ["Step Functions Execution Status Change"],
        "detail": {"stateMachineArn": [arn], "status": ends},
    }
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": queue_arn}])

    def entered():
        history = sfn.get_execution_history(executionArn=execution)["events"]
        assert any(event["type"] == "WaitStateEntered" for event in history)

    with clock.real():
        for end in ends:
            started = sfn.start_execution(stateMachineArn=arn, name=end, input=json.dumps({"end": end}))
            if end == "ABORTED":
                execution = started["executionArn"]
        eventually(entered)
        sfn.stop_execution(executionArn=execution, error="Stopped", cause="by the test")
    seen = {}

    def all_seen():
        for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
            detail = json.loads(message["Body"])["detail"]
            seen[detail["name"]] = detail
        assert {name: detail["status"] for name, detail in seen.items()} == {end: end for end in ends}

    eventually(all_seen)
    assert (seen["FAILED"]["error"], seen["FAILED"]["cause"]) == ("E", "C")
    assert json.loads(seen["TIMED_OUT"]["input"]) == {"end": "TIMED_OUT"}
    assert seen["SUCCEEDED"]["stopDate"] - seen["SUCCEEDED"]["startDate"] < 60_000
    events.remove_targets(Rule=name, Ids=["queue"])
    events.delete_rule(Name=name)
    sqs.delete_queue(QueueUrl=queue)
    sfn.delete_state_machine(stateMachineArn=arn)


HANDLER = """
import os
import boto3

def handler(event, context):
    boto3.client("dynamodb").put_item(TableName=os.environ["TABLE"], Item={"PK": {"S": "f"}, "SK": {"S": "f"}})
"""


def permissions(sandbox, role):
    with urllib.request.urlopen(f"{sandbox.endpoint}/_rollcall/permissions") as answer:
        calls = json.load(answer)["calls"]
    return {(call["action"], call["resource"]): call["count"] for call in calls if call["role"] == role}


def test_calls_are_recorded_with_the_role_that_made_them(aws, sandbox, name, role, table):
    sqs, functions = aws("sqs"), aws("lambda")
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("work.py", HANDLER)
    functions.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=role,
        Handler="work.handler",
        Code={"ZipFile": code.getvalue()},
        Timeout=10,
        Environment={"Variables": {"TABLE": table}},
    )
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    queue_arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    mapping = functions.create_event_source_mapping(FunctionName=name, EventSourceArn=queue_arn, BatchSize=1)["UUID"]
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    table_arn = aws("dynamodb").describe_table(TableName=table)["Table"]["TableArn"]

    def recorded():
        found = permissions(sandbox, role)
        assert found.get(("dynamodb:PutItem", table_arn)) == 1
        assert {action for action, resource in found if resource == queue_arn} == {
            "sqs:GetQueueAttributes",
            "sqs:ReceiveMessage",
            "sqs:DeleteMessage",
        }

    eventually(recorded)
    functions.delete_event_source_mapping(UUID=mapping)
    functions.delete_function(FunctionName=name)
    sqs.delete_queue(QueueUrl=queue)


@pytest.fixture
def targeted(aws, name):
    """`targeted(**target)` gives the rule for events of the source `name` that target; returns a queue, URL and ARN."""
    sqs, events = aws("sqs"), aws("events")
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))

    def make(**target):
        events.put_targets(Rule=name, Targets=[{"Id": "one", "Arn": arn, **target}])
        return queue, arn

    yield make
    events.remove_targets(Rule=name, Ids=["one"])
    events.delete_rule(Name=name)
    sqs.delete_queue(QueueUrl=queue)


def publish(aws, name, detail):
    entry = {"Source": name, "DetailType": "Tried", "Detail": json.dumps(detail)}
    assert aws("events").put_events(Entries=[entry])["FailedEntryCount"] == 0


def received(aws, queue):
    def one():
        answer = aws("sqs").receive_message(QueueUrl=queue, MessageAttributeNames=["All"])
        assert "Messages" in answer
        return answer["Messages"][0]

    return eventually(one)


def test_a_transformed_value_keeps_its_line_breaks_and_quotes(aws, name, targeted):
    transformer = {"InputPathsMap": {"reason": "$.detail.reason"}, "InputTemplate": '{"told": <reason>}'}
    queue, _ = targeted(InputTransformer=transformer)
    publish(aws, name, {"reason": 'two\nlines, one "quoted"'})
    assert json.loads(received(aws, queue)["Body"]) == {"told": 'two\nlines, one "quoted"'}


def test_a_transformed_text_stands_within_another_whatever_else_that_has(aws, name, targeted):
    paths = {"batch": "$.detail.batch", "left": "$.detail.left"}
    queue, _ = targeted(
        InputTransformer={"InputPathsMap": paths, "InputTemplate": '{"a": "of <batch>, b: <batch>", "left": <left>}'}
    )
    left = {"chunks": 2, "first": [0, 1], "why": 'said "no" to <you>', "reason": None}
    publish(aws, name, {"batch": "b-1", "left": left})
    assert json.loads(received(aws, queue)["Body"]) == {"a": "of b-1, b: b-1", "left": left}


def test_a_transformed_number_stays_one_also_0_and_within_a_text(aws, name, targeted):
    paths = {"failed": "$.detail.failed", "seconds": "$.detail.seconds", "done": "$.detail.done"}
    template = '{"failed": <failed>, "done": <done>, "text": "<failed> after <seconds> s, <done>"}'
    queue, _ = targeted(InputTransformer={"InputPathsMap": paths, "InputTemplate": template})
    publish(aws, name, {"failed": 0, "seconds": 1.25, "done": False})
    assert json.loads(received(aws, queue)["Body"]) == {"failed": 0, "done": False, "text": "0 after 1.25 s, false"}


@pytest.mark.parametrize(
    "made", [{}, {"InputPath": "$.detail"}, {"InputTransformer": {"InputTemplate": '{"n": 1}'}}, {"Input": '{"n": 1}'}]
)
def test_an_event_starts_a_state_machine_whatever_is_made_of_it(aws, name, role, targeted, made):
    sfn = aws("stepfunctions")
    definition = json.dumps({"StartAt": "Only", "States": {"Only": {"Type": "Pass", "End": True}}})
    machine = sfn.create_state_machine(name=name, definition=definition, roleArn=role)["stateMachineArn"]
    targeted(Arn=machine, RoleArn=role, **made)
    publish(aws, name, {"n": 1})

    def started():
        executions = sfn.list_executions(stateMachineArn=machine)["executions"]
        assert len(executions) == 1
        return json.loads(sfn.describe_execution(executionArn=executions[0]["executionArn"])["input"])

    seen = eventually(started)
    assert seen.get("detail", seen) == {"n": 1}
    sfn.delete_state_machine(stateMachineArn=machine)


def test_an_event_that_its_target_does_not_take_goes_to_the_dead_letter_queue(aws, name, targeted):
    nobody = f"arn:aws:lambda:us-east-1:000000000000:function:{name}"
    queue, arn = targeted()
    targeted(Arn=nobody, DeadLetterConfig={"Arn": arn})
    publish(aws, name, {"n": 1})
    message = received(aws, queue)
    assert json.loads(message["Body"])["detail"] == {"n": 1}
    about = {key: value["StringValue"] for key, value in message["MessageAttributes"].items()}
    assert (about["TARGET_ARN"], about["ERROR_CODE"]) == (nobody, "ResourceNotFoundException")
    assert about["RULE_ARN"].endswith(f"rule/{name}")
    assert name in about["ERROR_MESSAGE"]
