"""Lambda refuses function names and environment variables that LocalStack takes.

https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
"""

import re
from types import SimpleNamespace
from typing import Any

from localstack.aws.api import CommonServiceException
from localstack.utils.patch import patch

NAME = r"[a-zA-Z0-9-_]+"
FUNCTION = (
    r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?"
    r"([a-zA-Z0-9-_]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?"
)
LAYER = rf"(arn:[a-zA-Z0-9-]+:lambda:[a-zA-Z0-9-]+:\d{{12}}:layer:{NAME})|{NAME}"
VARIABLE = r"[a-zA-Z]([a-zA-Z0-9_])+"
RESERVED = frozenset(
    (
        *("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_NAME"),
        *("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE"),
        *("AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_LAMBDA_RUNTIME_API"),
        *("AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
        *("LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR"),
    )
)
"""Beside `_HANDLER` and `_X_AMZN_TRACE_ID`, which VARIABLE refuses."""


def install(instance: Any) -> None:
    """Refuse with Lambda's errors; `instance` is the provider of the service."""
    from localstack.services.lambda_ import api_utils

    provider = type(instance)
    stock_verify = provider._verify_env_variables

    def verify_env_variables(variables: dict[str, str]) -> None:
        require_environment(variables)
        stock_verify(variables)

    provider._verify_env_variables = staticmethod(verify_env_variables)
    instance.layer_fetcher = SimpleNamespace(fetch_layer=_refuse_layer)

    @patch(api_utils.validate_function_name)
    def validate_function_name(stock: Any, name: str, operation_type: str) -> list[str]:
        if operation_type == "CreateFunction":
            _require(name, "functionName", FUNCTION)
        return stock(name, operation_type)

    @patch(provider.publish_layer_version)
    def publish_layer_version(stock: Any, self: Any, context: Any, layer_name: str, *args: Any, **kwargs: Any) -> Any:
        _require(layer_name, "layerName", LAYER)
        return stock(self, context, layer_name, *args, **kwargs)


def _refuse_layer(arn: str) -> None:
    """LocalStack calls this for the layers of other accounts."""
    message = f"the Rollcall sandbox downloads nothing: layer {arn} is not there"
    raise CommonServiceException("InvalidParameterValueException", message)


def require_environment(variables: dict[str, str]) -> None:
    """Raise Lambda's error for a name that it does not take, and for a value that no process can have."""
    if not all(re.fullmatch(VARIABLE, name) for name in variables):
        raise _invalid("environment.variables", f"Map keys must satisfy constraint: [{_pattern(VARIABLE)}]")
    # JSON may hold half of a surrogate pair, which is no character.
    if any(re.search("[\0\ud800-\udfff]", value) for value in variables.values()):
        raise _invalid("environment.variables", f"Map value must satisfy constraint: [{_pattern(r'[^\0]*')}]")
    if reserved := RESERVED & variables.keys():
        raise CommonServiceException(
            "InvalidParameterValueException",
            "Lambda was unable to configure your environment variables because the environment variables you have "
            "provided contains reserved keys that are currently not supported for modification. Reserved keys used in "
            f"this request: {', '.join(sorted(reserved))}",
        )


def _require(name: str, member: str, pattern: str) -> None:
    if not re.fullmatch(pattern, name):
        raise _invalid(member, _pattern(pattern), f" '{name}'")


def _pattern(pattern: str) -> str:
    return f"Member must satisfy regular expression pattern: {pattern}"


def _invalid(member: str, constraint: str, value: str = "") -> CommonServiceException:
    return CommonServiceException(
        "ValidationException",
        f"1 validation error detected: Value{value} at '{member}' failed to satisfy constraint: {constraint}",
    )
