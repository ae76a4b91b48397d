"""LocalStack's view of an environment: a RuntimeExecutor whose environment is a process beside the engine."""

from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from localstack.aws.api.lambda_ import Runtime
from localstack.services.lambda_.invocation.lambda_models import FunctionVersion, InvocationResult, S3Code
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor

from sandbox.executor.children import CHILDREN
from sandbox.executor.code import STARTING_SECONDS, hold, release
from sandbox.executor.environment import CodePackage, environment_variables
from sandbox.executor.log_writer import WRITER, LogStream
from sandbox.executor.process import FunctionProcess, Request
from sandbox.meter.functions import FunctionMeter
from sandbox.processes import PROCESSES, run

RUNTIME = Runtime.python3_13  # the engine's own interpreter runs the functions


class ProcessExecutor(RuntimeExecutor):
    """Runs python3.13 functions from zip files.

    Differences from AWS: the file system is the machine's; an environment has its own TMPDIR, but all share /tmp; a
    failed init is not repeated within the same invocation; nothing is frozen between invocations.
    """

    def __init__(self, id: str, function_version: FunctionVersion) -> None:
        super().__init__(id, function_version)
        settings, name = function_version.config, function_version.id.function_name
        self._stream = LogStream(
            role_arn=settings.role,
            region=function_version.id.region,
            group=settings.logging_config["LogGroup"] or f"/aws/lambda/{name}",
            name=f"{datetime.now(UTC):%Y/%m/%d}/[{function_version.id.qualifier}]{id}",
        )
        self._process = FunctionProcess(
            id,
            name,
            memory_mb=settings.memory_size,
            timeout_seconds=settings.timeout,
            write_log=lambda record: WRITER.write(self._stream, record),
            meter=FunctionMeter(name, settings.memory_size, settings.architectures[0]),
            on_end=self._release,
        )

    @property
    def alive(self) -> bool:
        """Whether another invocation may be sent here."""
        return self._process.alive

    def start(self, env_vars: dict[str, str]) -> None:
        settings = self.function_version.config
        package = package_of(self.function_version)

        def variables(runtime_api: str, temporary: Path) -> dict[str, str]:
            return environment_variables(
                env_vars,
                settings.environment or {},
                package=package,
                runtime_api=runtime_api,
                temporary=temporary,
                log=self._stream,
            )

        PROCESSES[env_vars["AWS_ACCESS_KEY_ID"]] = self._process
        for code in codes(self.function_version):
            hold(code, self.id)
        try:
            run(self._process.start(package, variables))
        except BaseException:
            self._release()
            raise

    def _release(self) -> None:
        for code in codes(self.function_version):
            release(code, self.id)

    def stop(self) -> None:
        """End the environment after the invocation that it serves, as AWS does."""
        self._stream.closed = True
        run(self._process.stop())

    def invoke(self, request: Request) -> InvocationResult:  # type: ignore[override]  # only `dispatch` calls this
        """Run one invocation and return its result."""
        payload, is_error, log_tail = run(self._process.invoke(request))
        return InvocationResult(request.request_id, payload, is_error, log_tail, executed_version=request.version)

    def get_address(self) -> str:
        return "127.0.0.1"

    get_endpoint_from_executor = get_address

    def get_runtime_endpoint(self) -> str:
        return ""  # only LocalStack's own init process calls back there

    def get_logs(self) -> str:
        return ""  # they are in CloudWatch Logs

    @classmethod
    def prepare_version(cls, function_version: FunctionVersion) -> None:
        """Unzip the code and the layers. Raises ValueError for an unsupported runtime or package, or a bad zip.

        Then the function's state gets Failed.
        """
        runtime, code = function_version.config.runtime, function_version.config.code
        if runtime != RUNTIME or code is None:
            raise ValueError(
                f"the sandbox runs {RUNTIME} functions from zip files, not {runtime or 'container images'}"
            )
        for each in codes(function_version):
            hold(each, user(function_version))
        CHILDREN.hold(package_of(function_version), user(function_version))

    @classmethod
    def cleanup_version(cls, function_version: FunctionVersion) -> None:
        """The version was replaced or deleted."""
        CHILDREN.release(user(function_version), STARTING_SECONDS)
        for each in codes(function_version):
            release(each, user(function_version), STARTING_SECONDS)


def codes(version: FunctionVersion) -> list[S3Code]:
    """The version's code, then those of its layers. A deleted layer stays for the versions that have it, as on AWS."""
    found = [version.config.code, *(layer.code for layer in version.config.layers)]
    return [cast(S3Code, code) for code in found if code]


def package_of(version: FunctionVersion) -> CodePackage:
    """Where the version's codes are unpacked."""
    task_root, *layers = (code.get_unzipped_code_location() for code in codes(version))
    return CodePackage(task_root, tuple(layers))


def user(version: FunctionVersion) -> str:
    """The version as a user of its codes; an updated version is another one."""
    return f"{version.qualified_arn} {version.config.internal_revision}"
