"""What refuses browsers refuses none of the clients that people use."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.state import Sandbox

BIN = Path(sys.executable).parent


@pytest.mark.parametrize("client", ["awslocal", "aws"])
def test_the_aws_command_line_works(sandbox: Sandbox, aws, client: str, tmp_path: Path):
    def run(*words: str) -> str:
        environment = {**os.environ, "AWS_ENDPOINT_URL": sandbox.endpoint}
        # Version 1 of the AWS command line asks for SQS at AWS whatever the environment says.
        endpoint = ["--endpoint-url", sandbox.endpoint] if client == "aws" else []
        command = [str(BIN / client), *words, "--output", "json", *endpoint]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    name, file = f"{client}-client", tmp_path / "object"
    file.write_text("content")
    run("sqs", "create-queue", "--queue-name", name)
    assert len(json.loads(run("sqs", "list-queues", "--queue-name-prefix", name))["QueueUrls"]) == 1
    run("s3", "mb", f"s3://{name}")
    run("s3", "cp", str(file), f"s3://{name}/object")
    assert aws("s3").get_object(Bucket=name, Key="object")["Body"].read() == b"content"


def test_a_presigned_url_works_for_a_client_without_credentials(sandbox: Sandbox, aws):
    s3 = aws("s3")
    s3.create_bucket(Bucket="clients-presigned")
    s3.put_object(Bucket="clients-presigned", Key="object", Body=b"content")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "clients-presigned", "Key": "object"})
    assert subprocess.run(["curl", "--silent", url], capture_output=True, text=True).stdout == "content"
