"""EXPRESS children of a Distributed Map: the definitions that ask for them, and how long one may run.

LocalStack 4.14.0 takes `ExecutionType: EXPRESS` for a syntax error, so its parser gets STANDARD to read instead. The
definition stays as it was given.
"""

from typing import Any

from localstack.services.stepfunctions.asl.antlr.runtime.ASLLexer import ASLLexer
from localstack.services.stepfunctions.asl.component.state.state_execution.state_map.iteration.itemprocessor import (
    processor_config,
)
from localstack.services.stepfunctions.asl.parse import asl_parser
from localstack.services.stepfunctions.asl.parse.preprocessor import Preprocessor
from localstack.utils.patch import patch

from sandbox.faults.active import FAULTS
from sandbox.faults.plan import Call

LIMIT_SECONDS = 300
"""https://docs.aws.amazon.com/step-functions/latest/dg/choosing-workflow-type.html"""

_EXPRESS = '"EXPRESS"'


class _Lexer(ASLLexer):
    """Reads `"ExecutionType": "EXPRESS"` as the token STANDARD, with its own text."""

    _last = (0, 0)

    def nextToken(self) -> Any:
        token = super().nextToken()
        if token.text == _EXPRESS and self._last == (ASLLexer.EXECUTIONTYPE, ASLLexer.COLON):
            token.type = ASLLexer.STANDARD
        if token.channel == 0:
            self._last = self._last[1], token.type
        return token


def install() -> None:
    """Parse definitions with EXPRESS children; their ProcessorConfig says so in `express`."""
    asl_parser.ASLLexer = _Lexer  # type: ignore[attr-defined]
    processor_config.ProcessorConfig.express = False  # type: ignore[attr-defined]

    @patch(Preprocessor.visitProcessor_config_decl)
    def visit(stock: Any, self: Preprocessor, ctx: Any) -> Any:
        config = stock(self, ctx)
        config.express = any(_EXPRESS in child.getText() for child in ctx.children)
        return config


def limit_seconds() -> float:
    """Seconds until an EXPRESS child ends TIMED_OUT: AWS's, or those of the fault plan in force."""
    active = FAULTS.active
    hit = active.meet(Call(), "express-timeout") if active else None
    return float(hit.settings["seconds"]) if hit else LIMIT_SECONDS
