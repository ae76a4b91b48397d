"""Records which role called which IAM action on which resource, because the engine lets every role call everything.

`GET /_rollcall/permissions` answers `{"calls": [{"role", "action", "resource", "bucketOwner", "count"}, ...]}` for all
calls made with a role's session credentials since the start or the last `DELETE /_rollcall/permissions`: those of
functions, of event source mappings as their function's role, of state machines, and of EventBridge targets with a role.
What the executor calls to write a function's log counts for the function's role, as on AWS. `bucketOwner` is the
account that a call to S3 expected, empty where it named none.
"""

import threading
from collections import Counter
from typing import Any

from localstack.aws import handlers
from localstack.aws.api import RequestContext
from localstack.http import Response
from localstack.services.edge import ROUTER
from localstack.utils.aws.request_context import extract_access_key_id_from_auth_header

from sandbox.engine.iam_actions import Place, needed_actions

PATH = "/_rollcall/permissions"


class PermissionsRecorder:
    """A handler of responses that counts the calls of roles. Costs microseconds per call."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._roles: dict[str, str] = {}
        self._calls: Counter[tuple[str, str, str, str]] = Counter()

    def __call__(self, chain: Any, context: RequestContext, response: Any) -> None:
        """Count the call that was just answered, whatever the answer: IAM decides before the service does."""
        if context.service is None or context.operation is None or context.service_request is None:
            return
        service, operation, request = context.service.service_name, context.operation.name, context.service_request
        if operation == "AssumeRole" and context.service_response:
            self._roles[context.service_response["Credentials"]["AccessKeyId"]] = request["RoleArn"]  # type: ignore[typeddict-item]
        key = extract_access_key_id_from_auth_header(context.request.headers)  # type: ignore[arg-type]
        role = self._roles.get(key or "")
        if role is None:
            return
        owner = str(request.get("ExpectedBucketOwner", ""))
        needs = needed_actions(str(service), operation, request, Place(context.region, context.account_id))
        with self._lock:
            for action, resource in needs:
                self._calls[role, action, resource, owner] += 1

    def show(self, request: Any) -> Any:
        """What was called so far."""
        with self._lock:
            found = sorted(self._calls.items())
        return {
            "calls": [
                {"role": role, "action": action, "resource": resource, "bucketOwner": owner, "count": count}
                for (role, action, resource, owner), count in found
            ]
        }

    def reset(self, request: Any) -> Response:
        """Forget the calls; sessions go on."""
        with self._lock:
            self._calls.clear()
        return Response(status=204)


def install() -> None:
    """Record from now on, and serve `PATH`."""
    recorder = PermissionsRecorder()
    handlers.run_custom_response_handlers.append(recorder)
    ROUTER.add(PATH, recorder.show, methods=["GET"])  # type: ignore[arg-type]
    ROUTER.add(PATH, recorder.reset, methods=["DELETE"])  # type: ignore[arg-type]
