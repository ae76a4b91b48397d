"""Alarms, dashboard and logs of the stacks, and the examples that tell of a batch's end: what can be read of them."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from cfnlint import decode
from cfnlint.api import lint

from bootstrap.alarm_topic import PUBLISHERS, may_publish
from bootstrap.parameters import declared
from bootstrap.stacks import DEFINITION, STACK_NAMES, TEMPLATES, template
from costs.facts.prices import PriceBook
from handlers.aws.events import FINISHED, SOURCE, STALLED
from rollcall.target.outputs import functions

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("told-*.yaml"))
BOOK = PriceBook.load()
# CloudFormation's limit of a TemplateBody.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
LARGEST_TEMPLATE = 51_200
# The metrics that AWS's services publish by themselves, with the dimension of one resource.
# https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
# https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html
AWS_METRICS = {
    ("AWS/Lambda", "FunctionName"): {
        *("Duration", "Errors", "Invocations", "Throttles"),
        *("AsyncEventsDropped", "DestinationDeliveryFailures"),
    },
    ("AWS/SQS", "QueueName"): {
        "ApproximateAgeOfOldestMessage",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesVisible",
        "NumberOfMessagesReceived",
        "NumberOfMessagesSent",
    },
    ("AWS/States", "StateMachineArn"): {
        "ExecutionsFailed",
        "ExecutionsStarted",
        "ExecutionsSucceeded",
        "ExecutionsTimedOut",
        "ExpressExecutionBilledDuration",
    },
    ("AWS/DynamoDB", "TableName"): {"ConsumedWriteCapacityUnits"},
}
# What a reference to a resource of such a type, or to its attribute, is for CloudWatch.
DIMENSION_OF = {
    "AWS::Lambda::Function": "FunctionName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::StepFunctions::StateMachine": "StateMachineArn",
    "AWS::DynamoDB::Table": "TableName",
}


@pytest.fixture(params=list(STACK_NAMES))
def architecture(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def parsed(architecture: str) -> dict[str, Any]:
    """The template with intrinsic functions in their long form."""
    document, errors = decode.decode(str(TEMPLATES / f"{architecture}-batch-processing.yaml"))
    assert not errors
    return document


def of_type(document: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    """The properties of the resources of a type, by name."""
    return {name: found["Properties"] for name, found in document["Resources"].items() if found["Type"] == kind}


def alarms(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return of_type(document, "AWS::CloudWatch::Alarm")


def test_a_template_can_be_sent_with_the_call(architecture: str) -> None:
    assert len(template(architecture).encode()) <= LARGEST_TEMPLATE


def test_alarms_and_their_rules_are_there_only_for_a_topic_and_the_dashboard_only_if_asked_for(
    parsed: dict[str, Any],
) -> None:
    conditions = {"AWS::CloudWatch::Alarm": "HasAlarms", "AWS::CloudWatch::Dashboard": "HasDashboard"}
    for name, resource in parsed["Resources"].items():
        tells = "AlarmTopicArn" in json.dumps(resource)
        wanted = "HasAlarms" if tells else conditions.get(resource["Type"])
        if wanted:
            assert resource["Condition"] == wanted, name
    assert parsed["Parameters"]["AlarmTopicArn"]["Default"] == ""
    assert parsed["Parameters"]["Dashboard"]["Default"] == "DISABLED"
    assert len(alarms(parsed)) >= 8


def test_every_alarm_watches_a_metric_of_awss_own_of_a_resource_of_this_stack(parsed: dict[str, Any]) -> None:
    for name, alarm in alarms(parsed).items():
        [dimension] = alarm["Dimensions"]
        assert alarm["MetricName"] in AWS_METRICS[alarm["Namespace"], dimension["Name"]], name
        [(way, reference)] = dimension["Value"].items()
        resource = reference if way == "Ref" else reference[0]
        assert DIMENSION_OF[parsed["Resources"][resource]["Type"]] == dimension["Name"], name
        # A queue's Ref is its URL.
        assert (way == "Fn::GetAtt" and reference[1] == "QueueName") == (dimension["Name"] == "QueueName"), name


def test_an_idle_stack_has_no_metrics_and_no_alarm(parsed: dict[str, Any]) -> None:
    assert {alarm["TreatMissingData"] for alarm in alarms(parsed).values()} == {"notBreaching"}


def test_an_alarm_goes_to_the_topic_and_names_the_next_step(architecture: str, parsed: dict[str, Any]) -> None:
    roles = functions(architecture, {name: "" for name in parsed["Outputs"]})
    for name, alarm in alarms(parsed).items():
        assert alarm["AlarmActions"] == [{"Ref": "AlarmTopicArn"}], name
        text = alarm["AlarmDescription"]
        assert re.search(r"rollcall (logs|status|redrive) |MaxConcurrency", text), name
        assert set(re.findall(r"rollcall logs (\S+)", text)) <= set(roles), name
        assert len(text) <= 1024


def test_every_function_has_an_alarm_of_its_errors_and_those_that_no_state_machine_waits_for_of_their_throttles(
    architecture: str, parsed: dict[str, Any]
) -> None:
    watched: dict[str, set[str]] = {}
    for alarm in alarms(parsed).values():
        if alarm["Namespace"] == "AWS/Lambda":
            watched.setdefault(alarm["MetricName"], set()).add(alarm["Dimensions"][0]["Value"]["Ref"])
    assert watched["Errors"] == set(of_type(parsed, "AWS::Lambda::Function"))
    asynchronous = {"sqs": {"BatcherFunction"}, "sfn": set()}
    assert watched["Throttles"] == {"ProcessorFunction", "FinalizerFunction", *asynchronous[architecture]}


def test_what_lambda_gives_up_and_what_it_cannot_tell_the_finalizer_has_an_alarm() -> None:
    document, _ = decode.decode(str(TEMPLATES / "sqs-batch-processing.yaml"))
    for config in of_type(document, "AWS::Lambda::EventInvokeConfig").values():
        watched = {
            alarm["MetricName"]
            for alarm in alarms(document).values()
            if alarm["Dimensions"][0]["Value"] == config["FunctionName"]
        }
        assert {"AsyncEventsDropped", "DestinationDeliveryFailures"} <= watched
        assert config["DestinationConfig"]["OnFailure"]


def test_a_chunk_that_may_still_be_in_time_is_no_alarm() -> None:
    document, _ = decode.decode(str(TEMPLATES / "sqs-batch-processing.yaml"))
    [age] = [alarm for alarm in alarms(document).values() if alarm["MetricName"] == "ApproximateAgeOfOldestMessage"]
    assert age["Threshold"] == {"Ref": "DeadlineSeconds"}


def test_troubled_batches_are_told_as_the_handlers_publish_them(architecture: str, parsed: dict[str, Any]) -> None:
    patterns = [
        rule["EventPattern"]
        for rule in of_type(parsed, "AWS::Events::Rule").values()
        if rule["Targets"][0]["Arn"] == {"Ref": "AlarmTopicArn"}
    ]
    ended = {"architecture": [architecture], "status": ["FAILED", "EXPIRED"]}
    stalled = {"source": [SOURCE], "detail-type": [STALLED]}
    wanted = [{"source": [SOURCE], "detail-type": [FINISHED], "detail": ended}]
    assert patterns == ([stalled, *wanted] if architecture == "sqs" else wanted)


def test_the_parameters_say_what_alarms_and_dashboard_cost(architecture: str, parsed: dict[str, Any]) -> None:
    said = {name: " ".join(about["Description"].split()) for name, about in declared(template(architecture)).items()}
    number = len(alarms(parsed))
    month = BOOK.dollars("cloudwatch.alarm_months", number)
    assert f"{number} alarms cost ${month:.2f} a month" in said["AlarmTopicArn"]
    assert f"${BOOK.dollars('cloudwatch.dashboard_months', 1):g} a month" in said["Dashboard"]
    assert f"${BOOK.dollars('cloudwatch.metric_months', 1):.2f} a month" in said["CustomMetrics"]
    if architecture == "sfn":
        assert f"costs ${BOOK.dollars('logs.bytes', 2**30):.2f}" in said["StateMachineLogLevel"]


def board(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The widgets' properties of the dashboard."""
    [dashboard] = of_type(document, "AWS::CloudWatch::Dashboard").values()
    text, values = dashboard["DashboardBody"]["Fn::Sub"]
    return [
        widget["properties"]
        for widget in json.loads(text.replace("${GbSecond}", values["GbSecond"]["Fn::If"][1]))["widgets"]
    ]


def metrics(widget: dict[str, Any]) -> list[list[Any]]:
    """A widget's metrics, each written out: a dot stands for what the one before has."""
    found: list[list[Any]] = []
    for metric in widget["metrics"]:
        if len(metric) > 1:
            last = found[-1] if found else []
            found.append([last[place] if part == "." else part for place, part in enumerate(metric)])
    return found


def test_the_dashboard_shows_progress_rate_failures_and_money(architecture: str, parsed: dict[str, Any]) -> None:
    titles = [widget["title"] for widget in board(parsed)]
    begins = {"sqs": "Chunks left", "sfn": "Children of the Map"}[architecture]
    assert [title.partition(",")[0] for title in titles] == [
        begins,
        "Items processed",
        "Failures",
        "Dollars of the time shown",
    ]
    # Free dashboards have up to 50 metrics.
    assert sum(len(metrics(widget)) for widget in board(parsed)) <= 50


def test_every_metric_of_the_dashboard_exists(architecture: str, parsed: dict[str, Any]) -> None:
    for namespace, name, dimension, value, *_ in (metric for widget in board(parsed) for metric in metrics(widget)):
        if namespace == "Rollcall/${AWS::StackName}":
            assert (dimension, value) == ("service", f"{architecture}-processor")
            assert name in ("ItemsProcessed", "ItemsFailed")
            continue
        assert name in AWS_METRICS[namespace, dimension], name
        found = re.match(r"\$\{(\w+)(\.QueueName)?}", value)
        assert found, value
        assert DIMENSION_OF[parsed["Resources"][found[1]]["Type"]] == dimension
        assert bool(found[2]) == (dimension == "QueueName"), value


def test_the_dashboard_counts_the_children_under_the_label_that_they_have() -> None:
    document, _ = decode.decode(str(TEMPLATES / "sfn-batch-processing.yaml"))
    label = json.loads(re.sub(r":\s*\$\{\w+}", ": 1", DEFINITION.read_text()))["States"]["Process chunks"]["Label"]
    arns = {metric[3] for widget in board(document) for metric in metrics(widget) if metric[0] == "AWS/States"}
    assert arns == {f"${{StateMachine}}/{label}"}


def test_the_dashboards_dollars_are_the_price_books(architecture: str, parsed: dict[str, Any]) -> None:
    def usd(price: str) -> float:
        return BOOK.dollars(price, 1)

    lambda_prices = {usd("lambda.requests"), usd("lambda.gb_seconds.arm64")}
    others = {
        "sqs": {usd("dynamodb.write_units"), usd("sqs.requests")},
        "sfn": {usd("states.transitions"), usd("states.express_requests")},
    }[architecture]
    expressions = " ".join(
        metric[0]["expression"] for widget in board(parsed) for metric in widget["metrics"] if len(metric) == 1
    )
    numbers = {float(number) for number in re.findall(r"0\.0000\d+", expressions)}
    assert sorted(numbers) == pytest.approx(sorted(lambda_prices | others))
    [dashboard] = of_type(parsed, "AWS::CloudWatch::Dashboard").values()
    per_architecture = dashboard["DashboardBody"]["Fn::Sub"][1]["GbSecond"]["Fn::If"][1:]
    assert [float(price) for price in per_architecture] == [
        usd("lambda.gb_seconds.arm64"),
        usd("lambda.gb_seconds.x86_64"),
    ]


def test_the_dashboard_switches_the_custom_metrics_on(parsed: dict[str, Any]) -> None:
    enabled = [{"Fn::Equals": [{"Ref": name}, "ENABLED"]} for name in ("CustomMetrics", "Dashboard")]
    assert parsed["Conditions"]["HasCustomMetrics"] == {"Fn::Or": enabled}


def test_the_state_machine_may_log_before_it_is_made_and_only_if_it_logs() -> None:
    document, _ = decode.decode(str(TEMPLATES / "sfn-batch-processing.yaml"))
    condition, allowed, nothing = document["Resources"]["StateMachineRole"]["Properties"]["Policies"]["Fn::If"]
    assert (condition, nothing) == ("LogsExecutions", {"Ref": "AWS::NoValue"})
    [statement] = allowed[0]["PolicyDocument"]["Statement"]
    assert all(re.fullmatch(r"logs:\w+", action) for action in statement["Action"])
    machine = document["Resources"]["StateMachine"]["Properties"]["LoggingConfiguration"]["Fn::If"]
    assert machine[1]["IncludeExecutionData"] is False
    assert machine[2] == {"Level": "OFF"}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_cfn_lint_finds_nothing_in_an_example(example: Path) -> None:
    assert lint(example.read_text()) == []


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_waits_for_the_event_that_the_handlers_publish(example: Path) -> None:
    document, _ = decode.decode(str(example))
    [rule] = of_type(document, "AWS::Events::Rule").values()
    pattern = {"source": [SOURCE], "detail-type": [FINISHED], "detail": {"status": {"Ref": "Statuses"}}}
    assert rule["EventPattern"] == pattern
    promised = re.search(
        r"Detail of Batch Finished:(.*?)Times are", (ROOT / "docs" / "design.md").read_text(), re.DOTALL
    )
    assert promised
    paths = rule["Targets"][0].get("InputTransformer", {}).get("InputPathsMap", {}).values()
    assert {path.removeprefix("$.detail.") for path in paths if path != "$.detail"} <= set(
        re.findall(r"`(\w+)`", promised[1])
    )


def allow(principal: object, action: object = "sns:Publish", **more: object) -> dict[str, object]:
    return {"Statement": [{"Effect": "Allow", "Principal": principal, "Action": action, **more}]}


# The policy that SNS gives a new topic.
# https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html
OF_THE_ACCOUNT = {"StringEquals": {"AWS:SourceOwner": "123456789012"}}


@pytest.mark.parametrize(
    ("policy", "open_to"),
    [
        ({}, set()),
        (allow({"AWS": "*"}, ["SNS:Publish", "SNS:Subscribe"], Condition=OF_THE_ACCOUNT), {"cloudwatch.amazonaws.com"}),
        (allow({"AWS": "*"}), set(PUBLISHERS)),
        (allow("*", "sns:*"), set(PUBLISHERS)),
        (allow({"Service": "events.amazonaws.com"}), {"events.amazonaws.com"}),
        (allow({"Service": list(PUBLISHERS)}), set(PUBLISHERS)),
        (allow({"Service": list(PUBLISHERS)}, "sns:Subscribe"), set()),
        (allow({"AWS": "arn:aws:iam::123456789012:root"}), set()),
        ({"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "sns:Publish"}]}, set()),
    ],
)
def test_who_may_publish_to_a_topic_is_read_from_its_policy(policy: dict[str, Any], open_to: set[str]) -> None:
    assert {service for service in PUBLISHERS if may_publish(service, policy)} == open_to
