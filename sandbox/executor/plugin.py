"""LocalStack's runtime-executor plugin `process`."""

from typing import Any

from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor


class ProcessExecutorPlugin(RuntimeExecutorPlugin):
    """Makes every Lambda environment a process of the engine's machine instead of a container."""

    name = "process"

    def load(self, *_args: Any, **_kwargs: Any) -> type[RuntimeExecutor]:
        # Not at the top: LocalStack reads the plugin's name in processes that never run a function.
        import sandbox.executor.asynchronous
        import sandbox.executor.code
        import sandbox.executor.dispatch  # noqa: F401  these modules patch LocalStack
        from sandbox.executor.executor import ProcessExecutor

        return ProcessExecutor
