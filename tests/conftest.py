"""Holds for every test: whatever the machine's AWS settings are, no call can leave it or carry real credentials."""

import os

import pytest

# A check of a module that tests share tells what it has found, too.
pytest.register_assert_rewrite("tests.e2e", "tests.clock", "tests.worker", "tests.portability", "tests.by_hand")

for name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[name]
os.environ |= {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    # A client somebody forgot to point at the sandbox fails here instead of reaching AWS.
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "NO_PROXY": "127.0.0.1,localhost",
    "no_proxy": "127.0.0.1,localhost",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """For tests/e2e; here, because pytest reads options only from the first conftest it meets."""
    parser.addoption("--engine", choices=("native", "docker"), default="native", help="what runs the sandbox")
    parser.addoption(
        "--clock", choices=("skip", "real"), default="skip", help="whether the sandbox's clock skips idle time"
    )
    parser.addoption("--sandbox-endpoint", metavar="URL", help="test the sandbox that runs there, and leave it running")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests/model has tried; here, because a process that only waits for others reads no deeper conftest."""
    for passed in terminalreporter.getreports("passed"):
        for name, line in passed.user_properties:
            if name == "model":
                terminalreporter.write_line(f"{name}: {line}")
