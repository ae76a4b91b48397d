"""The engine looks up no host name."""

from localstack.utils.aws import aws_stack


def install() -> None:
    """Spare the one look-up that LocalStack makes: whether `s3.127.0.0.1` has an address.

    Without a network it may take seconds, and a resolver that answers for every name would lead the engine's own S3
    calls off this machine.
    """
    aws_stack.CACHE_S3_HOSTNAME_DNS_STATUS = False  # type: ignore[assignment]
