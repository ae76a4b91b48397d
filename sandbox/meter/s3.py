"""What a call of S3 is billed as.

PUT, COPY, POST and LIST are one class, GET and all others another, DELETE is free: https://aws.amazon.com/s3/pricing/
"""

from sandbox.meter.ledger import Unit


def units(operation: str, method: str) -> list[Unit]:
    """The units of one call; `method` is its HTTP method."""
    if method == "DELETE" or operation == "DeleteObjects":
        return [Unit("s3.deletes", operation, 1)]
    costly = method in ("PUT", "POST") or operation.startswith("List")
    return [Unit("s3.puts" if costly else "s3.gets", operation, 1)]


def billed_error(status: int) -> bool:
    """Whether a request is billed that failed: the client's errors are, the server's, such as 503 Slow Down, are not.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ErrorCodeBilling.html
    """
    return status < 500
