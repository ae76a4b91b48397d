"""Work of stock LocalStack that this engine leaves out."""

import os
import sys
from collections.abc import Iterator
from functools import cache, partial
from importlib.util import find_spec, module_from_spec
from typing import Any

import boto3
from botocore import session
from botocore.loaders import JSONFileLoader
from localstack import config
from localstack.services import stores
from localstack.services.lambda_.invocation import lambda_models, version_manager
from localstack.utils.aws import aws_stack

NOT_RUN = {
    "localstack.aws.api.ec2": ("AvailabilityZoneList", "DescribeAvailabilityZonesResult"),
    "moto.batch": (),
}
"""Modules that cost a third of a second each and 100 MB, and the names that others import from them as types."""

UUID_BYTES = 16
UUIDS_AT_ONCE = 256


def install() -> None:
    """Publish no CloudWatch metrics in `AWS/SQS` and `AWS/Lambda`, look up no host name, and load no EC2.

    Stock makes a call to itself and a transaction on a file for each of its own metrics: without them an SQS call costs
    the engine 1.4 ms of CPU instead of 5 ms, and an invocation saves as much. Metrics that functions publish stay.
    Stock looks up whether `s3.127.0.0.1` has an address. Without a network that may take seconds, and a resolver that
    answers every name would lead the engine's own S3 calls off this machine.
    """
    config.SQS_DISABLE_CLOUDWATCH_METRICS = True
    version_manager.record_cw_metric_invocation = lambda **_: None  # type: ignore[attr-defined]
    version_manager.record_cw_metric_error = lambda **_: None  # type: ignore[attr-defined]
    aws_stack.CACHE_S3_HOSTNAME_DNS_STATUS = False  # type: ignore[assignment]
    for name, types in NOT_RUN.items():
        _do_not_run(name, types)
    # Stock lists the Regions of each service anew, from its whole model.
    stores.get_valid_regions_for_service = lambda _: aws_stack.get_valid_regions()  # type: ignore
    _read_models_once()
    _keep_clients()
    _draw_random_bytes_at_once()


def _do_not_run(name: str, types: tuple[str, ...]) -> None:
    """Let others import the modules within the package `name`, and `types` from it, without running it."""
    if spec := find_spec(name):
        sys.modules[name] = module = module_from_spec(spec)
        for each in types:
            setattr(module, each, Any)


def _read_models_once() -> None:
    """Read each file of AWS's models once, and keep it once. Stock does so for each loader: 0.2 s and 43 MB more."""
    session.create_loader = cache(session.create_loader)
    read = cache(partial(JSONFileLoader.load_file, JSONFileLoader()))
    JSONFileLoader.load_file = lambda _, path: read(path)


def _keep_clients() -> None:
    """Sign every link to a function's code with one client. Stock makes one for each GetFunction, in 5 ms."""

    class Boto3:
        client = staticmethod(cache(boto3.client))

    lambda_models.boto3 = Boto3  # type: ignore[attr-defined]


def _draw_random_bytes_at_once() -> None:
    """Draw the bytes of many UUIDs at once: a call of AWS takes two, each a call of the kernel.

    The kernel's part is small. But meanwhile another thread runs, and then the caller has to wait for that one.
    """
    draw = os.urandom
    drawn: Iterator[bytes] = iter(())

    def urandom(size: int) -> bytes:
        nonlocal drawn
        if size != UUID_BYTES:
            return draw(size)
        while (found := next(drawn, None)) is None:
            block = draw(UUID_BYTES * UUIDS_AT_ONCE)
            # An iterator of a list, unlike a generator, may be asked by several threads.
            drawn = iter([block[at : at + UUID_BYTES] for at in range(0, len(block), UUID_BYTES)])
        return found

    os.urandom = urandom
