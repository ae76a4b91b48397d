"""Records which role called which IAM action on which resource, because the engine lets every role call everything.

`GET /_rollcall/permissions` answers `{"calls": [{"role", "action", "resource", "bucketOwner", "count"}, ...]}`: all
calls made with a role's session credentials since the start or the last `DELETE /_rollcall/permissions`. These are the
calls of functions, of event source mappings as their function's role, of state machines, and of EventBridge targets
with a role. The executor writes a function's log with the function's role, as AWS does. What S3 needs of KMS for a call
counts as the caller's. `bucketOwner` is the account that a call to S3 expected; it is empty if the call named none.
"""

import threading
from collections import Counter
from typing import Any

from localstack.aws import handlers
from localstack.aws.api import RequestContext
from localstack.http import Resource, Response
from localstack.services.edge import ROUTER

from sandbox.engine.iam_actions import Place, needed_actions, needed_of_key, needed_of_secret
from sandbox.processes import access_key

PATH = "/_rollcall/permissions"


class PermissionsRecorder:
    """A handler of responses that counts the calls of roles, and serves PATH. Costs microseconds per call."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._roles: dict[str, str] = {}
        self._calls: Counter[tuple[str, str, str, str]] = Counter()

    def __call__(self, _chain: Any, context: RequestContext, _response: Any) -> None:
        """Count the answered call, whatever its answer: IAM decides before the service does."""
        if context.service is None or context.operation is None or context.service_request is None:
            return
        service, operation, request = context.service.service_name, context.operation.name, context.service_request
        if operation == "AssumeRole" and context.service_response:
            self._roles[context.service_response["Credentials"]["AccessKeyId"]] = request["RoleArn"]  # type: ignore[typeddict-item]
        role = self._roles.get(access_key(context))
        if role is None:
            return
        owner = str(request.get("ExpectedBucketOwner", ""))
        needs = needed_actions(str(service), operation, request, Place(context.region, context.account_id))
        answer = context.service_response or {}
        if service == "s3":
            needs |= needed_of_key(operation, answer)
        if service == "secretsmanager":
            needs = needed_of_secret(operation, answer)
        with self._lock:
            for action, resource in needs:
                self._calls[role, action, resource, owner] += 1

    def on_get(self, _request: Any) -> Any:
        """Answer with the calls so far."""
        with self._lock:
            found = sorted(self._calls.items())
        columns = ("role", "action", "resource", "bucketOwner", "count")
        return {"calls": [dict(zip(columns, (*call, count), strict=True)) for call, count in found]}

    def on_delete(self, _request: Any) -> Response:
        """Forget the calls, but not which role a session has."""
        with self._lock:
            self._calls.clear()
        return Response(status=204)


def install() -> None:
    """Record from now on, and serve `PATH`."""
    recorder = PermissionsRecorder()
    handlers.run_custom_response_handlers.append(recorder)  # type: ignore[arg-type]  # called by position
    ROUTER.add(Resource(PATH, recorder))
