"""A failed build of the engine's image says once why, and what to set. The texts are BuildKit's."""

import sys

import pytest

from sandbox.host.build_failures import BUNDLES, build_failure

NO_HOST = 'failed to do request: Head "https://registry-1.docker.io/v2/library/python": dial tcp: no such host'
NO_BASE = f"""
#3 [sandbox internal] load metadata for docker.io/library/python:3.13-slim
#3 ERROR: {NO_HOST}
------
 > [sandbox internal] load metadata for docker.io/library/python:3.13-slim:
------
failed to solve: rpc error: code = Unknown desc = failed to create LLB definition: {NO_HOST}
"""
UNTRUSTED = """
#9 [sandbox engine 5/8] RUN pip install uv
#9 11.13 WARNING: Retrying after '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate'
#9 18.90 ERROR: No matching distribution found for uv==0.13.9
------
 > [sandbox engine 5/8] RUN pip install uv:
11.13 WARNING: Retrying after '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate'
18.90 ERROR: No matching distribution found for uv==0.13.9
------
failed to solve: executor failed running [/bin/sh -c pip install uv]: exit code: 1
"""
OTHER = """
------
 > [sandbox engine 5/8] RUN pip install uv:
#0 1.0 looking
1.2 ERROR: No space left on device
1.2 ERROR: No space left on device
------
failed to solve: executor failed running [/bin/sh -c pip install uv]: exit code: 1
"""


@pytest.fixture(autouse=True)
def on_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    for name in BUNDLES:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("printed", "said", "variable"),
    [
        (NO_BASE, "the base image docker.io/library/python:3.13-slim cannot be loaded: no such host", "BASE_IMAGE"),
        (UNTRUSTED, "the certificates of a package registry are not trusted there", "COMPANY_CA"),
        (OTHER, "a step failed: ERROR: No space left on device", "BASE_IMAGE"),
    ],
)
def test_a_failed_build_says_once_why_and_what_to_set(printed: str, said: str, variable: str) -> None:
    failure = str(build_failure(printed.splitlines()))
    why, remedy = failure.splitlines()
    assert why == f"the engine's image cannot be built, {said}"
    assert variable in remedy
    assert remedy.endswith("or ENGINE=native to do without Docker")


def test_the_bundle_that_the_users_programs_trust_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_CERT", "/etc/company.pem")
    assert "set COMPANY_CA=/etc/company.pem, which PIP_CERT names" in str(build_failure(UNTRUSTED.splitlines()))


def test_no_build_has_failed_where_a_container_does_not_start() -> None:
    assert build_failure(["Container sandbox-1  Error", "dependency failed to start: container is unhealthy"]) is None
