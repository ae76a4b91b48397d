"""The faults of a round, drawn from its seed. Pure.

Often enough to matter in every round, and rare enough that most batches still come to their regular end. All kinds but
double-schedule: schedules fire by the minute, and what comes of a schedule's event twice comes of a request sent twice.
"""

import random
from collections.abc import Callable
from typing import Any

type Fault = dict[str, Any]

# What the functions call: (architecture, function, service, operation). Some are drawn more often: where messages of
# chunks are sent twice, two processors have the same chunk in hand.
CALLS = (
    *(("sqs", "Batcher", "dynamodb", name) for name in ("GetItem", "PutItem", "UpdateItem", "BatchWriteItem")),
    *(("sqs", "Batcher", "sqs", name) for name in ("SendMessage", *["SendMessageBatch"] * 4)),
    ("sqs", "Batcher", "lambda", "Invoke"),
    ("sqs", "Batcher", "events", "PutEvents"),
    *(("sqs", "Processor", "dynamodb", name) for name in ("GetItem", "UpdateItem", "BatchWriteItem", "Query")),
    *(("sqs", "Processor", "sqs", name) for name in ("SendMessage", "ChangeMessageVisibility")),
    *(("sqs", "Finalizer", "dynamodb", name) for name in ("GetItem", "UpdateItem", "Query")),
    ("sqs", "Finalizer", "sqs", "ChangeMessageVisibility"),
    ("sqs", "Finalizer", "lambda", "Invoke"),
    ("sqs", "Finalizer", "events", "PutEvents"),
    *(("sfn", "Batcher", "s3", name) for name in ("GetObject", "PutObject")),
    ("sfn", "Batcher", "events", "PutEvents"),
    ("sfn", "FailureRecorder", "s3", "PutObject"),
    *(("sfn", "Finalizer", "s3", name) for name in ("GetObject", "PutObject", "ListObjectsV2")),
    *(("sfn", "Finalizer", "stepfunctions", name) for name in ("DescribeMapRun", "DescribeExecution")),
    ("sfn", "Finalizer", "sqs", "ChangeMessageVisibility"),
    ("sfn", "Finalizer", "events", "PutEvents"),
)
FUNCTIONS = (
    *(("sqs", name) for name in ("Batcher", "Processor", "Processor", "Finalizer")),
    *(("sfn", name) for name in ("Batcher", "Processor", "Processor", "FailureRecorder", "Finalizer")),
)
QUEUES = (
    *(("sqs", name) for name in ("ChunkQueue", "ChunkQueue", "FinalizerQueue")),
    ("sfn", "FinalizerQueue"),
)
BATCH_CALLS = {"BatchWriteItem", "SendMessageBatch", "PutEvents"}
THROTTLING = {"dynamodb": "ProvisionedThroughputExceededException", "s3": "SlowDown"}
STATUS = {"SlowDown": 503, "InternalServerError": 500}
STACKS = {"sqs": "SqsBatchProcessing", "sfn": "SfnBatchProcessing"}


class Names:
    """Globs of what a pair of stacks is made of: CloudFormation adds something random to every name."""

    def __init__(self, suffix: str, consumer: str, architectures: tuple[str, ...]):
        self.suffix = suffix
        self.consumer = consumer
        self.architectures = architectures

    def of(self, architecture: str, resource: str) -> str:
        return f"{STACKS[architecture]}{self.suffix}-{resource}-*"

    def call(self, draw: random.Random, operations: set[str] | None = None) -> Fault:
        """The matchers of some call of some function, or of all that it calls of a service."""
        calls = [call for call in CALLS if call[0] in self.architectures and (not operations or call[3] in operations)]
        architecture, function, service, operation = draw.choice(calls)
        if not operations and draw.random() < 0.5:
            operation = "*"
        return {"service": service, "operation": operation, "function": self.of(architecture, f"{function}Function")}

    def function(self, draw: random.Random) -> Fault:
        """The matcher of some function."""
        functions = [(architecture, name) for architecture, name in FUNCTIONS if architecture in self.architectures]
        architecture, name = draw.choice(functions)
        return {"function": self.of(architecture, f"{name}Function")}

    def queue(self, draw: random.Random) -> Fault:
        """The matcher of some queue."""
        return {"queue": self.of(*draw.choice([queue for queue in QUEUES if queue[0] in self.architectures]))}

    def rule(self, draw: random.Random) -> Fault:
        """The matcher of a rule: a consumer's, or the one that tells of executions that ended badly."""
        rules = [self.consumer] + [self.of("sfn", "UnfinishedRule")] * ("sfn" in self.architectures)
        return {"rule": draw.choice(rules)}


def error(draw: random.Random, names: Names) -> Fault:
    call = names.call(draw)
    code = draw.choice((THROTTLING.get(call["service"], "ThrottlingException"), "InternalServerError"))
    return {**call, "probability": chance(draw, 0.05, 0.3), "error": code, "status": STATUS.get(code, 400)}


def lost_answer(draw: random.Random, names: Names) -> Fault:
    return {**names.call(draw), "probability": chance(draw, 0.1, 0.4), "count": draw.randint(1, 5)}


def invoke_error(draw: random.Random, names: Names) -> Fault:
    """The engine's own calls of functions, by Step Functions, event sources and EventBridge."""
    return {
        "service": "lambda",
        "operation": "Invoke",
        "probability": chance(draw, 0.02, 0.1),
        "error": "ServiceException",
        "status": 500,
        "count": draw.randint(1, 5),
    }


def delay(draw: random.Random, names: Names) -> Fault:
    return {**names.call(draw), "probability": chance(draw, 0.05, 0.2), "seconds": chance(draw, 0.1, 1.0)}


def hang(draw: random.Random, names: Names) -> Fault:
    call = {**names.call(draw), "probability": chance(draw, 0.1, 0.4), "count": draw.randint(1, 3)}
    return {**call, "when": draw.choice(("before", "after"))}


def partial(draw: random.Random, names: Names) -> Fault:
    return {**names.call(draw, BATCH_CALLS), "probability": chance(draw, 0.1, 0.4), "share": chance(draw, 0.2, 1.0)}


def kill(draw: random.Random, names: Names) -> Fault:
    when = draw.choice(("before", "during", "after"))
    return {**names.call(draw), "when": when, "probability": chance(draw, 0.4, 1.0), "count": draw.randint(1, 4)}


def kill_invocation(draw: random.Random, names: Names) -> Fault:
    moment = {"milliseconds": draw.choice((50, 200, 1000)), "probability": chance(draw, 0.2, 0.6)}
    if draw.random() < 0.1:
        # Again and again, so that attempts are used up and deadlines pass. Finalizers must come to their end.
        return {**moment, "function": names.of(draw.choice(names.architectures), "ProcessorFunction")}
    return {**moment, **names.function(draw), "count": draw.randint(1, 4)}


def freeze(draw: random.Random, names: Names) -> Fault:
    found = {**names.function(draw), "milliseconds": draw.choice((50, 200)), "seconds": chance(draw, 0.5, 5.0)}
    return {**found, "probability": chance(draw, 0.1, 0.5), "count": draw.randint(1, 3)}


def duplicate_message(draw: random.Random, names: Names) -> Fault:
    return {**names.queue(draw), "probability": chance(draw, 0.1, 0.5), "delay_seconds": draw.choice((0, 1, 3))}


def late_message(draw: random.Random, names: Names) -> Fault:
    return {**names.queue(draw), "probability": chance(draw, 0.05, 0.2), "seconds": draw.randint(1, 4)}


def lost_delete(draw: random.Random, names: Names) -> Fault:
    return {**names.queue(draw), "probability": chance(draw, 0.05, 0.3), "count": draw.randint(1, 5)}


def delivery(draw: random.Random, names: Names) -> Fault:
    return {**names.rule(draw), "probability": chance(draw, 0.2, 0.8)}


def express_timeout(draw: random.Random, names: Names) -> Fault:
    """So that functions outlive the children that called them."""
    return {"seconds": chance(draw, 0.2, 5.0), "probability": chance(draw, 0.3, 1.0)}


def restart_pollers(draw: random.Random, names: Names) -> Fault:
    return {**names.queue(draw), "every": draw.randint(3, 6), "count": 5}


def stale_list(draw: random.Random, names: Names) -> Fault:
    return {"probability": chance(draw, 0.3, 1.0), "seconds": draw.randint(1, 15)}


def expired_token(draw: random.Random, names: Names) -> Fault:
    return {"probability": chance(draw, 0.3, 1.0), "count": draw.randint(1, 5)}


def quota(draw: random.Random, names: Names) -> Fault:
    """Of Step Functions, whose quotas are low on AWS. Others bear thousands of calls a second."""
    caller = {
        "service": "stepfunctions",
        "function": names.of("sfn", draw.choice(("BatcherFunction", "FinalizerFunction"))),
    }
    return {**caller, "per_second": draw.randint(1, 10), "burst": draw.randint(1, 5)}


def concurrency(draw: random.Random, names: Names) -> Fault:
    return {"limit": draw.randint(2, 6)}


type Kind = Callable[[random.Random, Names], Fault]

KINDS: dict[str, tuple[Kind, ...]] = {
    "error": (error, error, invoke_error),
    "lost-answer": (lost_answer, lost_answer, invoke_error),
    "delay": (delay,),
    "hang": (hang,),
    "partial": (partial,),
    "kill": (kill,),
    "kill-invocation": (kill_invocation,),
    "freeze": (freeze,),
    "duplicate-message": (duplicate_message,),
    "late-message": (late_message,),
    "lost-delete": (lost_delete,),
    "drop-event": (delivery,),
    "double-event": (delivery,),
    "restart-pollers": (restart_pollers,),
    "express-timeout": (express_timeout,),
    "stale-list": (stale_list,),
    "expired-token": (expired_token,),
    "quota": (quota,),
    "concurrency": (concurrency,),
}

# What does most harm is drawn most often.
WEIGHTS = {"kill": 5, "kill-invocation": 3, "lost-answer": 3, "error": 2, "freeze": 2, "lost-delete": 2, "partial": 2}


def chance(draw: random.Random, low: float, high: float) -> float:
    """A number that people can read."""
    return round(draw.uniform(low, high), 2)


def draw_grouping(seed: int) -> tuple[int, bool]:
    """ChunksPerChild for Step Functions' batches of a round, 0 for automatic; and whether children are in a hurry."""
    draw = random.Random(f"grouping {seed}")
    return draw.choice((0, 0, 1, 2, 3, 7, 50)), draw.random() < 0.5


def draw_plan(seed: int, names: Names) -> dict[str, Any]:
    """Five to ten faults, which depend on the seed, the stacks' suffix and the architectures alone."""
    draw = random.Random(f"plan {seed}")
    names_of_kinds = sorted(KINDS)
    kinds = draw.choices(names_of_kinds, [WEIGHTS.get(kind, 1) for kind in names_of_kinds], k=draw.randint(5, 10))
    return {"seed": seed, "faults": [{"kind": kind, **draw.choice(KINDS[kind])(draw, names)} for kind in kinds]}
