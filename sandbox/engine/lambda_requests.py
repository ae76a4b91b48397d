"""Lambda refuses environment variables and layers that LocalStack takes, and deletes the code of a deleted layer.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
"""

import re
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

from localstack.aws.api import CommonServiceException
from localstack.services.lambda_.invocation.models import lambda_stores
from localstack.utils.patch import patch

RESERVED = frozenset(
    (
        *("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_NAME"),
        *("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE"),
        *("AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_LAMBDA_RUNTIME_API"),
        *("AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
        *("LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR"),
    )
)
"""Beside `_HANDLER` and `_X_AMZN_TRACE_ID`, whose names no variable may have: see `constraints`."""

# Eight functions that are updated at the same time, with three tasks each.
UPDATE_THREADS = 24


def install(instance: Any) -> None:
    """Refuse with Lambda's errors; `instance` is the provider of the service."""
    provider = type(instance)
    stock_verify = provider._verify_env_variables

    def verify_env_variables(variables: dict[str, str]) -> None:
        require_environment(variables)
        stock_verify(variables)

    provider._verify_env_variables = staticmethod(verify_env_variables)
    # Of an update, stock's few threads also wait for the end of the old version, a second each.
    instance.lambda_service.task_executor = ThreadPoolExecutor(UPDATE_THREADS, "lambda-service-task")
    instance.layer_fetcher = SimpleNamespace(fetch_layer=_refuse_layer)

    @patch(provider.delete_layer_version)
    def delete_layer_version(stock: Any, self: Any, context: Any, layer_name: str, version_number: int) -> None:
        region, account, name, _ = provider._resolve_layer(layer_name, context)
        layer = lambda_stores[account][region].layers.get(name)
        found = layer.layer_versions.get(str(version_number)) if layer else None
        stock(self, context, layer_name, version_number)
        if found and found.code:
            found.code.destroy()


def _refuse_layer(arn: str) -> None:
    """LocalStack calls this for the layers of other accounts."""
    message = f"the Rollcall sandbox downloads nothing: layer {arn} is not there"
    raise CommonServiceException("InvalidParameterValueException", message)


def require_environment(variables: dict[str, str]) -> None:
    """Raise Lambda's error for a name that it keeps for itself, and for a value that no process can have."""
    # JSON may hold half of a surrogate pair, which is no character.
    if any(re.search("[\0\ud800-\udfff]", value) for value in variables.values()):
        raise CommonServiceException(
            "ValidationException",
            "1 validation error detected: Value at 'environment.variables' failed to satisfy constraint: "
            r"Map value must satisfy constraint: [Member must satisfy regular expression pattern: [^\0]*]",
        )
    if reserved := RESERVED & variables.keys():
        raise CommonServiceException(
            "InvalidParameterValueException",
            "Lambda was unable to configure your environment variables because the environment variables you have "
            "provided contains reserved keys that are currently not supported for modification. Reserved keys used in "
            f"this request: {', '.join(sorted(reserved))}",
        )
