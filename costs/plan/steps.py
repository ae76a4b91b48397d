"""How long the single steps of the handlers take: a call's latency, and the CPU that it costs its caller."""

from dataclasses import dataclass

from costs.facts.assumptions import Assumptions
from costs.facts.quotas import Quotas


@dataclass(frozen=True)
class Steps:
    """Milliseconds in a function of `memory` MB, which has CPU in proportion.

    Python's threads share one CPU, so more memory than one vCPU comes with makes no step faster.
    https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
    """

    memory: int
    quotas: Quotas
    assumptions: Assumptions

    @property
    def vcpu(self) -> float:
        return min(1.0, self.memory / self.quotas["lambda.memory_per_vcpu"])

    @property
    def dynamodb(self) -> float:
        return self._call("dynamodb.call_ms")

    @property
    def dynamodb_batch(self) -> float:
        return self._call("dynamodb.batch_call_ms")

    @property
    def sqs(self) -> float:
        return self._call("sqs.call_ms")

    @property
    def s3(self) -> float:
        return self._call("s3.call_ms")

    @property
    def events(self) -> float:
        return self._call("events.call_ms")

    @property
    def overhead(self) -> float:
        """What every invocation takes."""
        return self.assumptions["lambda.overhead_ms"]

    @property
    def make_item(self) -> float:
        return self.assumptions["batcher.item_cpu_us"] / 1000 / self.vcpu

    @property
    def take_item(self) -> float:
        return self.assumptions["processor.item_cpu_us"] / 1000 / self.vcpu

    def upload(self, size: float) -> float:
        """Put so many bytes."""
        return self.s3 + size / self.assumptions["s3.upload_bytes_per_second"] * 1000

    def _call(self, latency: str) -> float:
        return self.assumptions[latency] + self.assumptions["sdk.call_cpu_ms"] / self.vcpu
