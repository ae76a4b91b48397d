"""LocalStack's view of an environment: a RuntimeExecutor whose environment is a process beside the engine."""

from datetime import UTC, datetime
from pathlib import Path

from localstack.aws.api.lambda_ import Runtime
from localstack.services.lambda_.invocation.lambda_models import FunctionVersion, InvocationResult
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor

from sandbox.callers import PROCESSES
from sandbox.engine_loop import run
from sandbox.executor.function_environment import function_environment
from sandbox.executor.log_records import LogRecord
from sandbox.executor.log_writer import WRITER, LogStream
from sandbox.executor.process import FunctionProcess, Limits, Request
from sandbox.executor.runtime_folder import runtime_folder
from sandbox.meter.functions import FunctionMeter

RUNTIME = Runtime.python3_13  # the engine's own interpreter runs the functions


class ProcessExecutor(RuntimeExecutor):
    """Runs python3.13 functions from zip files.

    What differs from AWS: the file system is the machine's, TMPDIR is an environment's own but /tmp is shared; a
    failed init is not tried a second time within the same invocation; between invocations nothing is frozen.
    """

    def __init__(self, id: str, function_version: FunctionVersion) -> None:
        super().__init__(id, function_version)
        settings = function_version.config
        self._process = FunctionProcess(
            id,
            function_version.id.function_name,
            Limits(settings.memory_size, settings.timeout),
            self._write_log,
            FunctionMeter(function_version.id.function_name, settings.memory_size, settings.architectures[0]),
        )
        self._stream = LogStream(
            role_arn=settings.role,
            region=function_version.id.region,
            group=settings.logging_config["LogGroup"] or f"/aws/lambda/{function_version.id.function_name}",
            name=f"{datetime.now(UTC):%Y/%m/%d}/[{function_version.id.qualifier}]{id}",
        )

    def _write_log(self, record: LogRecord) -> None:
        WRITER.write(self._stream, record)

    @property
    def alive(self) -> bool:
        """Whether another invocation may be sent here."""
        return self._process.alive

    def start(self, env_vars: dict[str, str]) -> None:
        code = self.function_version.config.code
        assert code is not None  # prepare_version has seen to it
        task_root = code.get_unzipped_code_location()

        def environment(runtime_api: str, temporary: Path) -> dict[str, str]:
            return function_environment(
                env_vars,
                self.function_version.config.environment or {},
                task_root=task_root,
                runtime_folder=runtime_folder(),
                runtime_api=runtime_api,
                temporary=temporary,
                stream=self._stream,
            )

        PROCESSES[env_vars["AWS_ACCESS_KEY_ID"]] = self._process
        run(self._process.start(task_root, environment))

    def stop(self) -> None:
        """End the environment, but let the invocation that it is serving finish first, as AWS does."""
        self._stream.closed = True
        run(self._process.stop())

    def invoke(self, payload: dict) -> InvocationResult:
        """Run one invocation: `payload` holds `request-id`, `payload` (bytes) and `headers` of the Runtime API."""
        request = Request(
            request_id=payload["request-id"],
            payload=payload["payload"],
            headers=payload["headers"],
            version=self.function_version.id.qualifier,
        )
        result = run(self._process.invoke(request))
        return InvocationResult(
            request_id=request.request_id,
            payload=result.payload,
            is_error=result.is_error,
            logs=result.log_tail,
            executed_version=request.version,
        )

    def get_address(self) -> str:
        return "127.0.0.1"

    def get_endpoint_from_executor(self) -> str:
        return "127.0.0.1"

    def get_runtime_endpoint(self) -> str:
        return ""  # only LocalStack's own init process calls back there

    def get_logs(self) -> str:
        return ""  # they are in CloudWatch Logs

    @classmethod
    def prepare_version(cls, function_version: FunctionVersion) -> None:
        """Unzip the code. Raises ValueError for what this executor cannot run: the function's state becomes Failed."""
        runtime, code = function_version.config.runtime, function_version.config.code
        if runtime != RUNTIME or code is None:
            raise ValueError(
                f"the sandbox runs {RUNTIME} functions from zip files, not {runtime or 'container images'}"
            )
        code.prepare_for_execution()
        runtime_folder()

    @classmethod
    def cleanup_version(cls, function_version: FunctionVersion) -> None:
        """Nothing to do: LocalStack deletes the code, and each environment what was its own."""
