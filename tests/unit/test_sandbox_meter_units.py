"""Units of SQS, S3, EventBridge, Lambda, Step Functions, logs and metrics by AWS's documented rules and examples."""

import pytest

from sandbox.meter import cloudwatch
from sandbox.meter.cloudwatch import Metrics
from sandbox.meter.functions import Invocation, invocation_units, log_units
from sandbox.meter.services import entry_bytes, events_units, s3_bills, s3_units, sqs_units
from sandbox.meter.state_machines import express_gb_seconds

KB, MB = 1024, 1024 * 1024
URL = "http://127.0.0.1:4566/000000000000/chunks"


def quantities(units) -> dict[str, float]:
    return {unit.unit: unit.quantity for unit in units}


# https://aws.amazon.com/sqs/pricing/: each 64 KB chunk of a payload is billed as one request; its example is an action
# with a payload of 256 KB, billed as four.
@pytest.mark.parametrize(("size", "requests"), [(1, 1), (64 * KB, 1), (64 * KB + 1, 2), (256 * KB, 4), (1024 * KB, 16)])
def test_each_64_kb_of_a_message_is_a_request(size, requests):
    assert quantities(sqs_units("SendMessage", {"QueueUrl": URL, "MessageBody": "x" * size}, {})) == {
        "sqs.requests": requests
    }


def test_the_messages_of_a_batch_are_one_payload():
    entries = [{"Id": str(n), "MessageBody": "x" * 6 * KB} for n in range(10)]
    assert quantities(sqs_units("SendMessageBatch", {"QueueUrl": URL, "Entries": entries}, {})) == {"sqs.requests": 1}
    entries = [{"Id": str(n), "MessageBody": "x" * 7 * KB} for n in range(10)]
    assert quantities(sqs_units("SendMessageBatch", {"QueueUrl": URL, "Entries": entries}, {})) == {"sqs.requests": 2}


def test_a_receive_is_billed_by_what_it_returns_and_an_empty_one_is_told_apart():
    messages = [{"Body": "x" * 40 * KB}, {"Body": "x" * 40 * KB}]
    assert sqs_units("ReceiveMessage", {"QueueUrl": URL}, {"Messages": messages}) == [
        ("sqs.requests", "ReceiveMessage", 2, 1)
    ]
    assert sqs_units("ReceiveMessage", {"QueueUrl": URL}, {}) == [("sqs.requests", "ReceiveMessage:empty", 1, 1)]


# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html: names, types and
# values count towards a message's size.
def test_attributes_are_a_part_of_the_message():
    attributes = {"name": {"DataType": "String", "StringValue": "v" * 10}}
    body = "ä" * (32 * KB - 10)
    sent = sqs_units("SendMessage", {"QueueUrl": URL, "MessageBody": body, "MessageAttributes": attributes}, {})
    assert quantities(sent) == {"sqs.requests": 1}  # 64 KB - 20 and 20 bytes
    attributes["name"]["StringValue"] += "v"
    sent = sqs_units("SendMessage", {"QueueUrl": URL, "MessageBody": body, "MessageAttributes": attributes}, {})
    assert quantities(sent) == {"sqs.requests": 2}


def test_fifo_queues_have_a_price_of_their_own_and_deletes_are_requests():
    assert quantities(sqs_units("DeleteMessageBatch", {"QueueUrl": URL + ".fifo", "Entries": []}, {})) == {
        "sqs.fifo_requests": 1
    }


# https://aws.amazon.com/s3/pricing/: PUT, COPY, POST, LIST; GET, SELECT and all others; DELETE is free.
@pytest.mark.parametrize(
    ("operation", "method", "unit"),
    [
        ("PutObject", "PUT", "s3.puts"),
        ("CopyObject", "PUT", "s3.puts"),
        ("UploadPart", "PUT", "s3.puts"),
        ("CreateMultipartUpload", "POST", "s3.puts"),
        ("ListObjectsV2", "GET", "s3.puts"),
        ("GetObject", "GET", "s3.gets"),
        ("HeadObject", "HEAD", "s3.gets"),
        ("DeleteObject", "DELETE", "s3.deletes"),
        ("AbortMultipartUpload", "DELETE", "s3.deletes"),
        ("DeleteObjects", "POST", "s3.deletes"),
    ],
)
def test_classes_of_s3_requests(operation, method, unit):
    assert s3_units(operation, method) == [(unit, operation, 1, 1)]


# https://docs.aws.amazon.com/AmazonS3/latest/userguide/ErrorCodeBilling.html
@pytest.mark.parametrize(("status", "billed"), [(200, True), (404, True), (412, True), (500, False), (503, False)])
def test_s3_bills_the_clients_errors_and_not_its_own(status, billed):
    assert s3_bills(status) is billed


# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html
def test_the_size_of_an_event():
    entry = {"Source": "rollcall", "DetailType": "Batch Finished", "Detail": '{"ä": 1}', "Resources": ["abc", "d"]}
    assert entry_bytes(entry) == 8 + 14 + 9 + 4
    assert entry_bytes({**entry, "Time": 1}) == 8 + 14 + 9 + 4 + 14


# https://aws.amazon.com/eventbridge/pricing/: each 64 KB chunk of a payload is billed as one event; its example is one
# of 256 KB, billed as four.
def test_each_64_kb_of_an_event_is_one_and_events_of_aws_are_free():
    request = {
        "Entries": [
            {"Source": "s", "DetailType": "t", "Detail": "x" * (256 * KB - 2)},
            {"Source": "s", "DetailType": "t", "Detail": "{}"},
            {"Source": "aws.states", "DetailType": "t", "Detail": "{}"},
            {"Source": "s", "DetailType": "t", "Detail": "{}"},
        ]
    }
    answer = {"Entries": [{"EventId": "1"}, {"EventId": "2"}, {"EventId": "3"}, {"ErrorCode": "InternalFailure"}]}
    assert events_units("PutEvents", request, answer) == [("events.published", "PutEvents", 5, 1)]
    assert events_units("PutRule", {"Name": "r"}, {}) == []


# https://aws.amazon.com/lambda/pricing/: rounded up to the nearest 1 ms; 1,536 MB for 120 ms is 0.18 GB-seconds.
def test_lambda_bills_milliseconds_times_memory():
    assert quantities(invocation_units(Invocation(119.01, None), 1536, "x86_64")) == {
        "lambda.requests": 1,
        "lambda.billed_ms": 120,
        "lambda.gb_seconds.x86_64": pytest.approx(0.18),
    }


# https://aws.amazon.com/blogs/compute/aws-lambda-standardizes-billing-for-init-phase/: every init is billed as some
# were before. Of these, REPORT lines of AWS were measured in
# https://bitesizedserverless.com/bite/when-is-the-lambda-init-phase-free-and-when-is-it-billed/
@pytest.mark.parametrize(
    ("init", "duration", "billed"), [(1293.83, 1049.63, 2344), (1307.68, 1058.15, 2366), (1258.24, 1002.25, 2261)]
)
def test_an_init_is_billed_and_rounded_together_with_its_invocation(init, duration, billed):
    units = quantities(invocation_units(Invocation(duration, init, work_ms=1000), 1024, "arm64"))
    assert units["lambda.billed_ms"] == billed
    assert units["lambda.gb_seconds.arm64"] == pytest.approx(billed / 1000)
    assert units["lambda.init_gb_seconds"] == pytest.approx(init / 1000)
    assert units["lambda.work_gb_seconds"] == pytest.approx(1)
    assert units["lambda.cold_starts"] == 1


def test_work_is_never_more_than_what_is_billed():
    units = quantities(invocation_units(Invocation(10.2, None, work_ms=12), 1024, "arm64"))
    assert units["lambda.work_gb_seconds"] == units["lambda.gb_seconds.arm64"] == pytest.approx(0.011)


# https://aws.amazon.com/step-functions/pricing/, the memory example: 50 KB of definition and 400 Map steps of 32 KB are
# 62.85 MB, billed as 64 MB.
def test_the_memory_of_an_express_execution_is_billed_in_64_mb():
    assert express_gb_seconds(1000, 50 * KB, 32 * KB, 400) == pytest.approx(64 / 1024)
    assert express_gb_seconds(1000, 50 * KB, 32 * KB, 500) == pytest.approx(128 / 1024)


# The same page: rounded up to the nearest 100 ms.
@pytest.mark.parametrize(("duration", "billed"), [(0, 0.1), (1, 0.1), (100, 0.1), (100.1, 0.2), (10_000, 10)])
def test_the_duration_of_an_express_execution_is_billed_in_100_ms(duration, billed):
    assert express_gb_seconds(duration, 0, 0, 0) == pytest.approx(billed * 64 / 1024)


# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch-Logs-Monitoring-CloudWatch-Metrics.html
def test_log_bytes_are_those_of_the_message_in_utf_8():
    assert log_units("END RequestId: ä\n", "platform") == [("logs.bytes", "platform", 18, 1)]


# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
def test_a_line_in_the_embedded_metric_format_is_a_metric_and_no_request():
    metrics = Metrics()
    line = (
        '{"_aws": {"Timestamp": 1, "CloudWatchMetrics": [{"Namespace": "Rollcall", "Dimensions": [["service"]], '
        '"Metrics": [{"Name": "Done", "Unit": "Count"}]}]}, "service": "processor", "Done": [1]}\n'
    )
    for text in (line, line, "a line\n", '{"_aws": {"CloudWatchMetrics": 1}}\n', '"CloudWatchMetrics"'):
        metrics.log(text, "Stack")
    assert metrics.report() == [
        {
            "namespace": "Rollcall",
            "name": "Done",
            "dimensions": {"service": "processor"},
            "stack": "Stack",
            "hours": 1,
        }
    ]


def test_put_metric_data_is_a_request_and_its_metrics_count_once():
    request = {"Namespace": "N", "MetricData": [{"MetricName": "a", "Value": 1}, {"MetricName": "a", "Value": 2}]}
    assert cloudwatch.units("PutMetricData", request) == [("cloudwatch.requests", "PutMetricData", 1, 1)]
    metrics = Metrics()
    metrics.put(request, None)
    assert [(each["name"], each["hours"]) for each in metrics.report()] == [("a", 1)]
