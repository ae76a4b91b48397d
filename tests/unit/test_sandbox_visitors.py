"""Who is taken for a browser, and who is not."""

import pytest

from sandbox import visitors
from sandbox.state import SandboxError

# What the clients that people use send; each with the version that was current in 2026 or earlier.
CLIENTS = [
    "Boto3/1.42.54 md/Botocore#1.42.54 ua/2.1 os/linux#6.18 md/arch#x86_64 lang/python#3.13.0",
    "aws-cli/2.31.0 md/awscrt#0.27.6 ua/2.1 os/macos#24.5.0 md/arch#arm64 lang/python#3.13.7 cfg/retry-mode#standard",
    "APN/1.0 HashiCorp/1.0 Terraform/1.13.0 (+https://www.terraform.io) terraform-provider-aws/6.62.0 "
    "aws-sdk-go-v2/1.39.0 ua/2.1 os/linux lang/go#1.24.6",
    "aws-sdk-js/3.936.0 ua/2.1 os/linux#6.18 lang/js md/nodejs#22.11.0 api/cloudformation#3.936.0 aws-cdk/2.1033.0",
    "aws-sdk-java/2.38.0 md/io#sync md/http#Apache ua/2.1 os/Linux#6.8 lang/java#21.0.8 md/OpenJDK_64-Bit_Server_VM",
    "aws-sdk-dotnet-coreclr/4.0.2 ua/2.1 os/windows#10.0 md/ARCH#X64 lang/.NET_Core#9.0.9",
    "aws-sdk-rust/1.3.9 ua/2.1 api/sqs/1.86.0 os/linux lang/rust/1.95.0",
    "aws-sdk-php/3.356.0 GuzzleHttp/7 PHP/8.4.0",
    "curl/8.14.1",
    "Wget/1.25.0",
    "python-requests/2.32.5",
    "Python-urllib/3.13",
    "Java/21.0.8",
    "Go-http-client/1.1",
    "",
]


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_is_not_taken_for_a_browser(client: str) -> None:
    headers = [("Host", "127.0.0.1:4566"), ("User-Agent", client), ("X-Amz-Date", "20261125T120000Z")]
    assert visitors.refusal(headers) is None


def test_the_names_that_a_user_allows_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(visitors.ALLOWED_HOSTS, " rollcall.test ,sandbox,")
    assert visitors.allowed_hosts() == {"rollcall.test", "sandbox"}
    for wrong in ("rollcall.test:4566", "http://rollcall.test", "*", "a b"):
        monkeypatch.setenv(visitors.ALLOWED_HOSTS, wrong)
        with pytest.raises(SandboxError, match=r"ROLLCALL_ALLOWED_HOSTS: '.*' is no host name"):
            visitors.allowed_hosts()
