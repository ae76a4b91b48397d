"""A plan of faults: its seed, its counts, and what is refused."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.state import Sandbox
from tests.e2e.faults.parts import Inject, request


def test_the_same_seed_decides_the_same_and_another_seed_does_not(aws, inject: Inject, queue: str):
    def outcomes(seed: int) -> list[bool]:
        inject({"kind": "partial", "operation": "SendMessageBatch", "probability": 0.5}, seed=seed)
        entries = [{"Id": "a", "MessageBody": "a"}]
        return ["Failed" in aws("sqs").send_message_batch(QueueUrl=queue, Entries=entries) for _ in range(20)]

    assert outcomes(1) == outcomes(1) != outcomes(2)


def test_a_plan_replaces_the_one_before_and_starts_from_zero(sandbox: Sandbox, aws, inject: Inject):
    report = inject(
        {"kind": "error", "service": "sqs", "operation": "ListQueues", "error": "X", "after": 1, "count": 1}
    )
    aws("sqs").list_queues()
    with pytest.raises(ClientError, match="X"):
        aws("sqs").list_queues()
    aws("sqs").list_queues()
    assert (report()["seen"], report()["injected"]) == (3, 1)
    inject({"kind": "delay", "seconds": 0, "service": "none"})
    assert request(sandbox, "GET")[1] == {
        "seed": 7,
        "faults": [{"kind": "delay", "seconds": 0, "service": "none", "seen": 0, "injected": 0}],
        "injected": {"delay": 0},
    }


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ({"faults": [{"kind": "eror"}]}, "faults[0].kind"),
        ({"faults": [{"kind": "error", "colour": "red"}]}, "colour"),
        ({"faults": [{"kind": "delay"}]}, "faults[0].seconds"),
    ],
)
def test_a_bad_plan_is_refused_and_the_one_before_stays(sandbox: Sandbox, inject: Inject, plan: Any, message: str):
    inject({"kind": "delay", "seconds": 0, "service": "none"})
    status, answer = request(sandbox, "PUT", plan)
    assert status == 400
    assert message in answer["message"]
    assert request(sandbox, "GET")[1]["faults"][0]["kind"] == "delay"
