"""SQS event source mappings do what AWS documents: concurrency, order, partial responses, filters, states.

Every invocation tells a witness queue what it got and when; the tests judge by that. An order of `together` messages
waits until as many invocations have begun, so that no slow start makes it seem as if they could not run at once.
"""

import io
import json
import uuid
import zipfile
from collections import defaultdict

import pytest
from botocore.exceptions import ClientError

from tests.clock import Clock
from tests.probes import consistently, eventually

HANDLER = """
import http.client, json, os, time

COUNT = "ApproximateNumberOfMessages"

def sqs(operation, **parameters):
    # As boto3 would, whose import takes most of a cold start.
    key = os.environ["AWS_ACCESS_KEY_ID"]
    headers = {
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": f"AmazonSQS.{operation}",
        "Authorization": f"AWS4-HMAC-SHA256 Credential={key}/20261126/us-east-1/sqs/aws4_request, "
                         "SignedHeaders=host, Signature=0",
    }
    connection = http.client.HTTPConnection(os.environ["AWS_ENDPOINT_URL"].partition("//")[2])
    connection.request("POST", "/", json.dumps(parameters), headers)
    answer = connection.getresponse()
    content = json.loads(answer.read())
    assert answer.status == 200, content
    return content

def wait_for_others(count):
    sqs("SendMessage", QueueUrl=os.environ["BEGUN"], MessageBody="one more")
    end = time.monotonic() + 8
    while time.monotonic() < end:
        begun = sqs("GetQueueAttributes", QueueUrl=os.environ["BEGUN"], AttributeNames=[COUNT])["Attributes"][COUNT]
        if int(begun) >= count:
            return
        time.sleep(0.1)

def handler(event, context):
    start = time.time()
    records = event["Records"]
    orders = [json.loads(record["body"]) for record in records]
    if together := max(order.get("together", 0) for order in orders):
        wait_for_others(together)
    time.sleep(max(order.get("seconds", 0) for order in orders))
    report = {"start": start, "end": time.time(), "names": [order["name"] for order in orders],
              "receives": [int(record["attributes"]["ApproximateReceiveCount"]) for record in records],
              "bodies": [record["body"][:100] for record in records], "by": os.environ["NAME"]}
    sqs("SendMessage", QueueUrl=os.environ["WITNESS"], MessageBody=json.dumps(report))
    if any(order.get("raise") for order in orders):
        raise ValueError("as ordered")
    for order in orders:
        if "answer" in order:
            return order["answer"]
    failed = [record["messageId"] for record, order in zip(records, orders) if order.get("fail")]
    return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}
"""

GONE = {"ResourceNotFoundException", "AWS.SimpleQueueService.NonExistentQueue"}
"""What the clean-up meets when a test removed something itself."""


class Consumer:
    """A function, its queue, and a witness queue; everything is removed by `remove`."""

    def __init__(self, aws, fifo=False, visibility=30, max_receives=None):
        self.aws, self.sqs, self.functions = aws, aws("sqs"), aws("lambda")
        self.name = f"pollers-{uuid.uuid4().hex[:10]}"
        self.clock = Clock(self.sqs.meta.endpoint_url)
        self.undo = []
        self.reports = []
        self._received = set()
        suffix, kind = (".fifo", {"FifoQueue": "true", "ContentBasedDeduplication": "true"}) if fifo else ("", {})
        self.witness, self.begun = self.make_queue("-witness"), self.make_queue("-begun")
        self.dead = self.make_queue(f"-dead{suffix}", **kind)
        if max_receives:
            policy = {"deadLetterTargetArn": self.arn_of(self.dead), "maxReceiveCount": max_receives}
            kind["RedrivePolicy"] = json.dumps(policy)
        self.queue = self.make_queue(suffix, VisibilityTimeout=str(visibility), **kind)
        trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        role = aws("iam").create_role(RoleName=self.name, AssumeRolePolicyDocument=policy)["Role"]
        self.undo.append(lambda: aws("iam").delete_role(RoleName=self.name))
        self.role_arn = role["Arn"]
        self.make_function(self.name)

    def make_queue(self, suffix, **attributes):
        url = self.sqs.create_queue(QueueName=self.name + suffix, Attributes=attributes)["QueueUrl"]
        self.undo.append(lambda: self.sqs.delete_queue(QueueUrl=url))
        return url

    def make_function(self, name):
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("work.py", HANDLER)
        self.functions.create_function(
            FunctionName=name,
            Runtime="python3.13",
            Role=self.role_arn,
            Handler="work.handler",
            Code={"ZipFile": code.getvalue()},
            Timeout=10,
            MemorySize=256,
            Environment={"Variables": {"WITNESS": self.witness, "BEGUN": self.begun, "NAME": name}},
        )
        self.undo.append(lambda: self.functions.delete_function(FunctionName=name))

        def active():
            assert self.functions.get_function(FunctionName=name)["Configuration"]["State"] == "Active"

        eventually(active)

    def arn_of(self, url):
        return self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    def map(self, **options):
        options = {"BatchSize": 1, "FunctionResponseTypes": ["ReportBatchItemFailures"]} | options
        made = self.functions.create_event_source_mapping(
            FunctionName=self.name, EventSourceArn=self.arn_of(self.queue), **options
        )
        self.mapping = made["UUID"]
        self.undo.append(self.unmap)
        self.wait_for_state("Enabled")

    def unmap(self):
        self.functions.delete_event_source_mapping(UUID=self.mapping)

    def update(self, state, **options):
        self.functions.update_event_source_mapping(UUID=self.mapping, **options)
        self.wait_for_state(state)

    def wait_for_state(self, state):
        def reached():
            assert self.functions.get_event_source_mapping(UUID=self.mapping)["State"] == state

        eventually(reached, interval=0.05)

    def send(self, *orders, group=None, **options):
        fifo = {"MessageGroupId": group} if group else {}
        for start in range(0, len(orders), 10):
            entries = [
                {"Id": str(index), "MessageBody": json.dumps(order), **fifo, **options}
                for index, order in enumerate(orders[start : start + 10])
            ]
            assert "Failed" not in self.sqs.send_message_batch(QueueUrl=self.queue, Entries=entries)

    def invocations(self):
        while messages := self.sqs.receive_message(QueueUrl=self.witness, MaxNumberOfMessages=10).get("Messages"):
            # The clock may have skipped a visibility timeout before a message was deleted.
            new = [message for message in messages if message["MessageId"] not in self._received]
            self.reports += [json.loads(message["Body"]) for message in new]
            self._received |= {message["MessageId"] for message in new}
            entries = [{"Id": str(n), "ReceiptHandle": each["ReceiptHandle"]} for n, each in enumerate(messages)]
            self.sqs.delete_message_batch(QueueUrl=self.witness, Entries=entries)
        return self.reports

    def wait_for_names(self, expected):
        """All invocations, once every expected name was seen as often as it is expected."""

        def seen():
            names = sorted(name for report in self.invocations() for name in report["names"])
            assert names == sorted(expected)
            return self.reports

        return eventually(seen)

    def left(self, url=None):
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=url or self.queue, AttributeNames=names)["Attributes"]
        return sum(int(each) for each in found.values())

    def remove(self):
        for action in reversed(self.undo):
            try:
                action()
            except ClientError as error:
                if error.response["Error"]["Code"] not in GONE:
                    raise


def most_at_once(reports):
    edges = sorted(edge for report in reports for edge in ((report["start"], 1), (report["end"], -1)))
    now = most = 0
    for _, change in edges:
        now += change
        most = max(most, now)
    return most


def orders(count, **order):
    return [{"name": f"m{index}", **order} for index in range(count)]


def names(count):
    return [f"m{index}" for index in range(count)]


@pytest.fixture
def consumer(aws):
    made = []

    def make(**options):
        made.append(Consumer(aws, **options))
        return made[-1]

    yield make
    for each in made:
        each.remove()


@pytest.mark.parametrize(
    ("scaling", "limit"),
    [
        ({"ScalingConfig": {"MaximumConcurrency": 3}}, 3),
        ({}, 5),
        ({"ProvisionedPollerConfig": {"MaximumPollers": 2}}, 20),
    ],
)
def test_runs_as_many_batches_at_once_as_the_limit_and_never_more(consumer, scaling, limit):
    work = consumer()
    work.map(**scaling)
    work.send(*orders(4 * limit, seconds=0.4, together=limit))
    assert most_at_once(work.wait_for_names(names(4 * limit))) == limit


def test_fifo_keeps_the_order_of_each_group_and_runs_groups_at_once(consumer):
    work = consumer(fifo=True)
    work.map(BatchSize=2)
    for group in "abc":
        order = {"seconds": 0.1, "together": 2}
        work.send(*[{"name": f"{group}{index}", **order} for index in range(6)], group=group)
    reports = work.wait_for_names([f"{group}{index}" for group in "abc" for index in range(6)])
    by_group = defaultdict(list)
    for report in sorted(reports, key=lambda each: each["start"]):
        for name in report["names"]:
            by_group[name[0]].append(int(name[1]))
    assert by_group == {group: list(range(6)) for group in "abc"}
    assert most_at_once(reports) > 1


def test_only_the_messages_reported_as_failed_come_again(consumer):
    work = consumer(visibility=5)
    work.map(BatchSize=5, MaximumBatchingWindowInSeconds=1)
    work.send({"name": "bad", "fail": True}, {"name": "good"})
    eventually(lambda: _assert_seen(work, "bad", at_least=2))
    assert sum(report["names"].count("good") for report in work.invocations()) == 1


def _assert_seen(work, name, at_least):
    assert sum(report["names"].count(name) for report in work.invocations()) >= at_least


def test_a_failed_or_unreadable_batch_comes_again_until_it_is_a_dead_letter(consumer):
    bad = [
        {"raise": True},
        {"answer": {"batchItemFailures": [{"itemIdentifier": ""}]}},
        {"answer": {"batchItemFailures": [{"itemIdentifier": None}]}},
        {"answer": {"batchItemFailures": [{"itemIdentifier": "somebody else's"}]}},
        {"answer": {"batchItemFailures": [{"identifier": "x"}]}},
        {"answer": "no object"},
    ]
    work = consumer(visibility=4, max_receives=2)
    work.map()
    why = {"why": {"DataType": "String", "StringValue": "to be received twice"}}
    work.send(*[{"name": f"m{index}", **order} for index, order in enumerate(bad)], MessageAttributes=why)
    reports = work.wait_for_names(2 * names(len(bad)))
    assert sorted(report["receives"] for report in reports) == [[1]] * len(bad) + [[2]] * len(bad)

    def dead():
        assert (work.left(), work.left(work.dead)) == (0, len(bad))

    eventually(dead)


def test_an_empty_answer_means_that_all_went_well(consumer):
    answers = [None, {}, {"batchItemFailures": []}, {"batchItemFailures": None}, ""]
    work = consumer()
    work.map()
    work.send(*[{"name": f"m{index}", "answer": answer} for index, answer in enumerate(answers)])
    work.wait_for_names(names(len(answers)))
    eventually(lambda: _assert_left(work, 0))


def _assert_left(work, count):
    assert work.left() == count


def test_filters_drop_messages_and_bodies_arrive_as_they_were_sent(consumer):
    work = consumer()
    pattern = json.dumps({"body": {"kind": ["wanted"]}})
    work.map(FilterCriteria={"Filters": [{"Pattern": pattern}]})
    work.sqs.send_message(QueueUrl=work.queue, MessageBody="no JSON")
    work.send({"name": "other", "kind": "unwanted"})
    body = '{"name":   "verbatim","kind":"wanted", "é": 1.50}'
    work.sqs.send_message(QueueUrl=work.queue, MessageBody=body)
    [report] = work.wait_for_names(["verbatim"])
    assert report["bodies"] == [body]
    eventually(lambda: _assert_left(work, 0))


@pytest.mark.real_clock
def test_a_batching_window_gathers_more_than_one_receive_returns_and_ends_when_the_batch_is_full(consumer):
    work = consumer()
    work.map(BatchSize=50, MaximumBatchingWindowInSeconds=3)
    work.send(*orders(25))
    [report] = work.wait_for_names(names(25))
    assert sorted(report["names"]) == sorted(names(25))
    work.update("Enabled", BatchSize=10, MaximumBatchingWindowInSeconds=300)
    work.send({"name": "last"}, *orders(9))
    work.wait_for_names([*names(25), *names(9), "last"])


def test_batches_keep_to_the_payload_an_invocation_may_have(consumer):
    work = consumer()
    work.map(BatchSize=10)
    for index in range(8):
        body = json.dumps({"name": f"m{index}", "padding": "x" * 1_000_000})
        work.sqs.send_message(QueueUrl=work.queue, MessageBody=body)
    work.wait_for_names(names(8))
    eventually(lambda: _assert_left(work, 0))


@pytest.mark.real_clock
def test_an_idle_mapping_takes_what_arrives_and_a_delayed_message_not_before_its_time(consumer):
    work = consumer()
    work.map()
    work.send({"name": "warm-up"})
    work.wait_for_names(["warm-up"])
    for name, delay in (("m0", 0), ("m1", 2)):
        eventually(lambda: _assert_left(work, 0))
        consistently(lambda: _assert_left(work, 0), during=0.5)
        sent = work.clock.now_ms() / 1000
        work.send({"name": name}, DelaySeconds=delay)
        eventually(lambda name=name: _assert_seen(work, name, at_least=1))
        assert work.reports[-1]["start"] - sent > delay - 0.1


@pytest.mark.real_clock
def test_a_throttled_invocation_is_tried_again_before_its_messages_show_up_again(consumer):
    work = consumer(visibility=60)
    work.functions.put_function_concurrency(FunctionName=work.name, ReservedConcurrentExecutions=1)
    work.map()
    work.send(*orders(5, seconds=0.2))
    reports = work.wait_for_names(names(5))
    assert most_at_once(reports) == 1
    assert [report["receives"] for report in reports] == [[1]] * 5


def test_nothing_is_processed_after_a_mapping_is_disabled_until_it_is_enabled_again(consumer):
    work = consumer()
    work.map()
    work.send(*orders(60, seconds=0.3))
    eventually(lambda: _assert_invoked(work))
    work.update("Disabled", Enabled=False)
    disabled = work.clock.now_ms() / 1000
    seen = len(work.invocations())
    assert seen < 60
    assert work.left() == 60 - seen

    def untouched():
        assert len(work.invocations()) == seen

    consistently(untouched, during=1)
    assert max(report["end"] for report in work.reports) < disabled
    work.update("Enabled", Enabled=True, ScalingConfig={"MaximumConcurrency": 20})
    work.wait_for_names(names(60))


def _assert_invoked(work):
    assert work.invocations()


def test_an_update_takes_effect_and_the_limit_holds_across_it(consumer):
    work = consumer()
    work.map(ScalingConfig={"MaximumConcurrency": 2})
    other = f"{work.name}-other"
    work.make_function(other)
    work.send(*orders(24, seconds=0.5))
    eventually(lambda: _assert_invoked(work))
    work.update("Enabled", ScalingConfig={"MaximumConcurrency": 4}, FunctionName=other)
    reports = work.wait_for_names(names(24))
    assert {report["by"] for report in reports} == {work.name, other}
    assert most_at_once(reports) == 4
    work.update("Enabled", ScalingConfig={"MaximumConcurrency": 2}, BatchSize=3)
    work.reports.clear()
    work.send(*orders(12, seconds=0.4))
    reports = work.wait_for_names(names(12))
    assert most_at_once(reports) == 2
    assert max(len(report["names"]) for report in reports) > 1


def test_a_deleted_mapping_leaves_the_rest_of_the_queue_alone(consumer):
    work = consumer()
    work.map()
    work.send(*orders(60, seconds=0.3))
    eventually(lambda: _assert_invoked(work))
    work.unmap()

    def gone():
        found = work.functions.list_event_source_mappings(FunctionName=work.name)["EventSourceMappings"]
        assert found == []

    eventually(gone)
    left = work.left()
    assert left == 60 - len(work.invocations()) > 0
    consistently(lambda: _assert_left(work, left), during=1)


def test_a_disabled_mapping_can_be_deleted_and_made_anew(consumer):
    work = consumer()
    work.map()
    work.update("Disabled", Enabled=False)
    work.unmap()
    work.map()
    work.send({"name": "m0"})
    work.wait_for_names(["m0"])


def test_a_mapping_outlives_its_function_and_its_queue_and_can_still_be_removed(consumer):
    work = consumer()
    work.map()
    work.functions.delete_function(FunctionName=work.name)
    work.send({"name": "m0"})
    work.sqs.delete_queue(QueueUrl=work.queue)

    def state():
        return work.functions.get_event_source_mapping(UUID=work.mapping)["State"]

    def still_enabled():
        assert state() == "Enabled"

    consistently(still_enabled, during=0.5)
    work.unmap()
    with pytest.raises(work.functions.exceptions.ResourceNotFoundException):
        state()
