"""Replaces LocalStack's handling of an invocation where it is wrong, or slow under load.

Stock 4.14.0 uses environments whose process is dead, changes a dictionary while it iterates over it, drops the client
context, takes payloads of any size, and refuses an invocation during an update. It spends two threads, a timer and two
or three API calls on each invocation. The rest of the Lambda service is unchanged.
"""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, cast

from localstack import config
from localstack.aws.api import CommonServiceException, ServiceException
from localstack.aws.api.lambda_ import InvalidRequestContentException, InvocationType
from localstack.services.lambda_.invocation.assignment import AssignmentService
from localstack.services.lambda_.invocation.execution_environment import (
    ExecutionEnvironment,
    InvalidStatusException,
    RuntimeStatus,
)
from localstack.services.lambda_.invocation.lambda_models import (
    FunctionVersion,
    InitializationType,
    Invocation,
    InvocationResult,
)
from localstack.services.lambda_.invocation.lambda_service import LambdaService
from localstack.services.lambda_.invocation.logs import LogHandler
from localstack.services.lambda_.invocation.version_manager import LambdaVersionManager
from localstack.utils.patch import patch
from localstack.utils.xray.trace_header import TraceHeader

from sandbox.clock.stillness import RUNNING
from sandbox.executor.executor import ProcessExecutor
from sandbox.executor.process import Request
from sandbox.processes import LOOP

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MAX_PAYLOAD: dict[str, int] = {InvocationType.RequestResponse: 6 * 1024 * 1024, InvocationType.Event: 1024 * 1024}

KEEPALIVE_SECONDS = config.LAMBDA_KEEPALIVE_MS / 1000
MAX_REPLACEMENTS = 3  # updates during one invocation


class VersionReplacedException(ServiceException):
    """The version's manager shuts down: the function was just updated or deleted."""


@patch(LambdaService.invoke)
def invoke_function(
    stock: Any, self: Any, *, invocation_type: Any, payload: Any, client_context: Any, **rest: Any
) -> InvocationResult | None:
    """Check the request as AWS does, then invoke the current version."""
    _check_payload(payload, invocation_type or InvocationType.RequestResponse)
    _client_context(client_context)
    for _ in range(MAX_REPLACEMENTS):
        try:
            return stock(self, invocation_type=invocation_type, payload=payload, client_context=client_context, **rest)
        except VersionReplacedException:
            continue  # the new version is in place before the old one shuts down
    raise VersionReplacedException("The function is updated too often, or the engine is stopping")


@patch(LambdaVersionManager.invoke)
def invoke_version(_stock: Any, self: LambdaVersionManager, *, invocation: Invocation) -> InvocationResult:
    if self.shutdown_event.is_set():
        raise VersionReplacedException(f"{self.function_arn} is being replaced")
    version = self.function_version
    with (
        RUNNING(f"invocation of {version.id.function_name}"),
        self.counting_service.get_invocation_lease(self.function, version, self.provisioned_state) as provisioning,
        self.assignment_service.get_environment(self.id, version, provisioning) as environment,
    ):
        headers = _runtime_headers(invocation)
        request = Request(invocation.request_id, invocation.payload, headers, version.id.qualifier)
        result = _executor(environment).invoke(request)
        if self.shutdown_event.is_set():  # since the check above: the shutdown may have missed this environment
            self.assignment_service.stop_environment(environment)
        return result


@patch(AssignmentService.get_environment)
@contextmanager
def get_environment(
    _stock: Any, self: AssignmentService, manager_id: str, version: FunctionVersion, provisioning: InitializationType
) -> Iterator[ExecutionEnvironment]:
    """Reserve a living idle environment, or a new one, for one invocation."""
    environment = _reserve_idle(self, manager_id, provisioning)
    if environment is None:
        environment = self.start_environment(manager_id, version)
        LOOP.call_soon_threadsafe(LOOP.call_later, KEEPALIVE_SECONDS, _end_when_idle, environment)
        environment.reserve()
        self.environments[manager_id][environment.id] = environment
    try:
        yield environment
    finally:
        _give_back(self, environment)


@patch(LogHandler.start_subscriber)
def start_subscriber(_stock: Any, _self: LogHandler) -> None:
    """Start no thread for a version's logs, because the executor writes them."""


def _executor(environment: ExecutionEnvironment) -> ProcessExecutor:
    return cast(ProcessExecutor, environment.runtime_executor)


def _reserve_idle(
    assignment: AssignmentService, manager_id: str, provisioning: InitializationType
) -> ExecutionEnvironment | None:
    for environment in list(assignment.environments[manager_id].values()):
        if environment.initialization_type != provisioning:
            continue
        try:
            environment.reserve()
        except InvalidStatusException:
            continue
        if _executor(environment).alive:
            return environment
        assignment.stop_environment(environment)  # it died while it was idle
    return None


def _give_back(assignment: AssignmentService, environment: ExecutionEnvironment) -> None:
    """Make the environment available again, unless its process is dead or it was stopped meanwhile."""
    if not _executor(environment).alive:
        if environment.status != RuntimeStatus.STOPPED:
            assignment.stop_environment(environment)
        return
    with environment.status_lock:
        if environment.status == RuntimeStatus.STOPPED:
            return
        environment.last_returned = _now()
        environment.status = RuntimeStatus.READY


def _end_when_idle(environment: ExecutionEnvironment) -> None:
    """End an environment once it was idle for LAMBDA_KEEPALIVE_MS; check again until then.

    Stock starts and stops a thread on every invocation for it; this is one timer in the life of an environment.
    """
    if environment.status == RuntimeStatus.STOPPED:
        return
    idle = (_now() - environment.last_returned).total_seconds()
    if environment.status == RuntimeStatus.READY and idle >= KEEPALIVE_SECONDS:
        LOOP.run_in_executor(None, environment.keepalive_passed)
    else:
        LOOP.call_later(max(KEEPALIVE_SECONDS - idle, 1), _end_when_idle, environment)


def _now() -> datetime:
    return datetime.now()  # noqa: DTZ005  LocalStack's times have no zone


def _runtime_headers(invocation: Invocation) -> dict[str, str]:
    trace = invocation.trace_context.get("aws_trace_header") or TraceHeader().ensure_root_exists()
    trace.ensure_sampled_exists()
    trace.ensure_parent_exists()
    headers = {
        "Lambda-Runtime-Invoked-Function-Arn": invocation.invoked_arn,
        "Lambda-Runtime-Trace-Id": trace.to_header_str(),
    }
    context = _client_context(invocation.client_context)
    return headers | ({"Lambda-Runtime-Client-Context": context} if context else {})


def _client_context(encoded: str | None) -> str | None:
    """The client context as JSON on one line, for a header."""
    if not encoded or encoded == "{}":  # LocalStack sends {} with the call of a function URL
        return None
    with _refusal("Could not parse client context into json"):
        return json.dumps(json.loads(base64.b64decode(encoded, validate=True)))


def _check_payload(payload: bytes | None, invocation_type: str) -> None:
    size, limit = len(payload or b""), MAX_PAYLOAD.get(invocation_type, 0)
    if limit and size > limit:
        message = f"{size} byte payload is too large for the {invocation_type} invocation type (limit {limit} bytes)"
        raise CommonServiceException("RequestEntityTooLargeException", message, status_code=413, sender_fault=True)
    if payload:
        with _refusal("Could not parse request body into json: Could not parse payload into json"):
            json.loads(payload)


@contextmanager
def _refusal(message: str) -> Iterator[None]:
    """Turn a ValueError into Lambda's error for a request that is not JSON."""
    try:
        yield
    except ValueError as error:
        raise InvalidRequestContentException(f"{message}: {error}", Type="User") from error
