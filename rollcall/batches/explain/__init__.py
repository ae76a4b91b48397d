"""Why a batch stands, in one sentence: facts are read, and pure rules decide. It says no more than the facts tell."""

from rollcall.batches.batch import OneBatch
from rollcall.batches.explain.explanation import Explanation
from rollcall.target.connection import Connection

__all__ = ["Explanation", "explain", "why_not_started"]


def explain(connection: Connection, batch: OneBatch) -> Explanation:
    """Why the batch stands, or that it does not. Reads only.

    It reads the batch's records or execution, and its stack's queues, event sources, functions and logs: a few calls of
    each. What the caller may not read is not known, and the sentence says no more than the rest tells.
    """
    # They import boto3, which takes half a second, for which `rollcall explain --help` need not wait.
    from rollcall.batches.explain import sfn_facts, sfn_rules, sqs_facts, sqs_rules

    if batch.architecture == "sqs":
        return sqs_rules.explanation(sqs_facts.gather(connection, batch.batch_id, batch.generation))
    return sfn_rules.explanation(sfn_facts.gather(connection, batch.batch_id, batch.generation))


def why_not_started(connection: Connection, architecture: str | None = None) -> list[str]:
    """Why a request that was sent may have no batch yet: nobody takes requests. Empty if that is not the case."""
    from rollcall.batches.explain.stack import gather_stack
    from rollcall.batches.explain.wording import no_consumer

    found = []
    for name in [architecture] if architecture else connection.stacks:
        stack = gather_stack(connection, connection.stack(name), name)
        found.append(no_consumer(stack, "batcher") or stack.stopped("batcher"))
    return [reason for reason in found if reason]
