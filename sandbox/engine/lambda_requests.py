"""What Lambda refuses of a function's name and environment, and LocalStack takes.

https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
"""

import functools
import re
from typing import Any

from localstack.aws.api import CommonServiceException

from sandbox.loading import when_loaded

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


def install() -> None:
    """Refuse it as Lambda does, from when this engine loads Lambda."""
    when_loaded("lambda", _mend)


def _mend(instance: Any) -> None:
    from localstack.services.lambda_ import api_utils

    provider = type(instance)
    stock_name, stock_variables = api_utils.validate_function_name, provider._verify_env_variables
    stock_layer = provider.publish_layer_version

    def validate_function_name(name: str, operation_type: str) -> list[str]:
        if operation_type == "CreateFunction":
            _require(name, "functionName", FUNCTION)
        return stock_name(name, operation_type)

    def verify_env_variables(variables: dict[str, str]) -> None:
        require_environment(variables)
        stock_variables(variables)

    @functools.wraps(stock_layer)
    def publish_layer_version(self: Any, context: Any, layer_name: str, *args: Any, **kwargs: Any) -> Any:
        _require(layer_name, "layerName", LAYER)
        return stock_layer(self, context, layer_name, *args, **kwargs)

    api_utils.validate_function_name = validate_function_name  # type: ignore[assignment]
    provider._verify_env_variables = staticmethod(verify_env_variables)
    provider.publish_layer_version = publish_layer_version
    instance.layer_fetcher = _NoLayers()


class _NoLayers:
    """What LocalStack asks for the layers of other accounts."""

    def fetch_layer(self, arn: str) -> None:
        raise CommonServiceException(
            "InvalidParameterValueException", f"the Rollcall sandbox downloads nothing: layer {arn} is not there"
        )


def require_environment(variables: dict[str, str]) -> None:
    """Raise what Lambda answers to names that it does not take, and to values that no process can be given."""
    if not all(re.fullmatch(VARIABLE, name) for name in variables):
        raise _invalid("environment.variables", f"Map keys must satisfy constraint: [{_pattern(VARIABLE)}]")
    if any("\0" in value or not _is_unicode(value) for value in variables.values()):
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
        raise _invalid(f"{member}", _pattern(pattern), f" '{name}'")


def _pattern(pattern: str) -> str:
    return f"Member must satisfy regular expression pattern: {pattern}"


def _invalid(member: str, constraint: str, value: str = "") -> CommonServiceException:
    return CommonServiceException(
        "ValidationException",
        f"1 validation error detected: Value{value} at '{member}' failed to satisfy constraint: {constraint}",
    )


def _is_unicode(value: str) -> bool:
    """Half of a surrogate pair, as JSON may hold, is no character."""
    return not re.search("[\ud800-\udfff]", value)
