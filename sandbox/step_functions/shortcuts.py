"""Work that stock repeats is done once: definitions and paths are parsed once, roles assumed once; copies are cheap."""

import copy
import logging
import marshal
from collections import deque
from functools import cache, lru_cache
from types import SimpleNamespace
from typing import Any

from antlr4 import CommonTokenStream, InputStream
from antlr4.error.Errors import ParseCancellationException
from antlr4.error.ErrorStrategy import BailErrorStrategy
from botocore.config import Config
from jsonpath_ng.ext.parser import parse as parse_extended
from jsonpath_ng.parser import parse
from localstack.aws.connect import connect_to
from localstack.services.stepfunctions.asl.antlr.runtime.ASLParser import ASLParser
from localstack.services.stepfunctions.asl.component import eval_component
from localstack.services.stepfunctions.asl.component.common.path import result_path
from localstack.services.stepfunctions.asl.component.common.string import string_expression
from localstack.services.stepfunctions.asl.component.intrinsic.function.statesfunction.json_manipulation import (
    json_merge,
)
from localstack.services.stepfunctions.asl.component.program import program
from localstack.services.stepfunctions.asl.component.state.state_execution import execute_state
from localstack.services.stepfunctions.asl.component.state.state_execution.state_map import state_map
from localstack.services.stepfunctions.asl.component.state.state_execution.state_task.service import state_task_service
from localstack.services.stepfunctions.asl.eval import states
from localstack.services.stepfunctions.asl.parse import asl_parser, preprocessor
from localstack.services.stepfunctions.asl.parse.asl_parser import AmazonStateLanguageParser
from localstack.services.stepfunctions.asl.parse.preprocessor import Preprocessor
from localstack.services.stepfunctions.asl.utils import boto_client, json_path
from localstack.services.stepfunctions.backend import execution_worker
from localstack.utils.patch import patch

from sandbox.meter.state_machines import sign
from sandbox.step_functions.interpreter import MAX_CHILDREN


class _Connect:
    """Replaces LocalStack's `connect_to` where the interpreter makes the clients of tasks."""

    @staticmethod
    @cache
    def with_assumed_role(role_arn: str, service_principal: Any, region_name: str, config: Config) -> SimpleNamespace:
        """Clients that act as `role_arn`, with the name of the calling execution in each request.

        The role is assumed once; stock assumes it for every task.
        """
        factory = connect_to.with_assumed_role(
            role_arn=role_arn, service_principal=service_principal, region_name=region_name, config=config
        )

        @cache
        def get_client(service: str) -> Any:
            client = factory.get_client(service=service)
            client.meta.events.register("before-call.*.*", sign)
            return client

        return SimpleNamespace(get_client=get_client)


def _parse_once() -> None:
    """Parse each definition once, and fast if it is right; stock parses it for every execution.

    All executions share what it becomes, as the children of a Map do: what changes lies in their environments.
    """
    stock = AmazonStateLanguageParser.parse

    @lru_cache(maxsize=256)
    def parse(definition: str) -> tuple[Any, Any]:
        # The lexer is that of `express`.
        parser: Any = ASLParser(CommonTokenStream(asl_parser.ASLLexer(InputStream(definition))))  # type: ignore[attr-defined]
        # It looks for nothing that could follow an error: of the second that a definition takes, that is all but 0.1 s.
        parser._errHandler = BailErrorStrategy()
        try:
            tree = parser.state_machine()
        except ParseCancellationException:
            return stock(definition)
        return Preprocessor().visit(tree), tree

    AmazonStateLanguageParser.parse = staticmethod(parse)  # type: ignore[method-assign]


def _operations_once() -> None:
    """Find the model of a task's operation once; stock compares the names of all operations for each, twice a task."""
    service = state_task_service.StateTaskService
    once = cache(service._get_boto_operation_model)
    service._get_boto_operation_model = staticmethod(once)  # type: ignore[method-assign]


def _copy(value: Any) -> Any:
    """A deep copy of a state's data, eight times as fast as `copy.deepcopy`, which visits each value in Python.

    What is not plain JSON, such as a date, is copied as before.
    """
    try:
        return marshal.loads(marshal.dumps(value))  # noqa: S302  made in the same line
    except ValueError:
        return copy.deepcopy(value)


_COPYING = (result_path, string_expression, json_merge, state_task_service, states)
_COPYING_A_STACK = (execute_state, state_map)


def _read_inputs_uncopied() -> None:
    """Copy a state's input only where it is changed: for a ResultPath within it. Stock copies it for each reader.

    A state with a chunk of 100 items had it copied ten times. A frame's stack is a list of its own, of the same values.
    """
    part_of_input = states.States.get_input

    def get_input(self: states.States, query: str | None = None) -> Any:
        return self._states_data["input"] if query is None else part_of_input(self, query)

    states.States.get_input = get_input  # type: ignore[method-assign]

    @patch(result_path.ResultPath._eval_body)
    def eval_body(stock: Any, self: result_path.ResultPath, env: Any) -> None:
        if self.result_path_src not in (None, result_path.ResultPath.DEFAULT_PATH):
            env.states._states_data["input"] = _copy(env.states.get_input())
        stock(self, env)

    for module in _COPYING_A_STACK:
        module.copy = SimpleNamespace(deepcopy=list)  # type: ignore[attr-defined]


def install() -> None:
    """Do all of this once, copy cheaply, and keep no list of threads, which stock never empties."""
    _parse_once()
    _operations_once()
    for module in _COPYING:
        module.copy = SimpleNamespace(deepcopy=_copy)  # type: ignore[attr-defined]
    _read_inputs_uncopied()
    json_path.parse = lru_cache(maxsize=4096)(parse_extended)  # type: ignore[attr-defined]
    result_path.parse = lru_cache(maxsize=4096)(parse)  # type: ignore[attr-defined]
    boto_client.connect_to = _Connect  # type: ignore[attr-defined,assignment]
    boto_client._BOTO_CLIENT_CONFIG = boto_client._BOTO_CLIENT_CONFIG.merge(Config(max_pool_connections=MAX_CHILDREN))
    for module in (program, execute_state, execution_worker):
        module.TMP_THREADS = deque(maxlen=0)  # type: ignore[attr-defined]
    # Stock logs each failed state several times, with its definition; the execution's history has it already.
    logging.getLogger(eval_component.__name__).setLevel(logging.CRITICAL)
    # Stock warns that tolerated failures have no effect; `interpreter` gives them their effect.
    logging.getLogger(preprocessor.__name__).setLevel(logging.ERROR)
