"""DynamoDB served by moto inside the engine: no Java, no download."""

from localstack.aws.api.dynamodb import DynamodbApi
from localstack.services.moto import MotoFallbackDispatcher
from localstack.services.plugins import Service, aws_provider


class MotoDynamoDB(DynamodbApi):
    """Implements no operation itself, so that every call falls through to moto."""


@aws_provider(api="dynamodb", name="moto")
def moto() -> Service:
    """LocalStack service plugin `dynamodb:moto`."""
    return Service.for_provider(MotoDynamoDB(), dispatch_table_factory=MotoFallbackDispatcher)
