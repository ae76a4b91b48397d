"""AWS settings of a user that are broken, or hostile: none of them may stop or steer what runs in the sandbox."""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

# Nobody listens there: whoever were led there would fail.
ELSEWHERE = "http://127.0.0.1:9"


@dataclass(frozen=True)
class Settings:
    """Files below the home, and variables, in which `{home}` is the user's home."""

    files: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)

    def variables(self, home: Path) -> dict[str, str]:
        """The environment's variables."""
        return {name: value.format(home=home) for name, value in self.environment.items()}


# A newer SQS than botocore's, which has not one operation.
METADATA = {"apiVersion": "2099-01-01", "endpointPrefix": "planted", "protocol": "json", "serviceId": "PLANTED"}
MODEL = {"sqs/2099-01-01/service-2.json": json.dumps({"metadata": METADATA, "operations": {}, "shapes": {}})}


def env(**environment: str) -> Settings:
    return Settings(environment=environment)


def config(text: str) -> Settings:
    return Settings(files={".aws/config": text})


CREDENTIALS = "[default]\naws_access_key_id = AKIACANARY\naws_secret_access_key = canary\naws_session_token = canary\n"
HOSTILE: dict[str, Settings] = {
    "a broken config": config("[default\nregion == = \x00"),
    "config that is a folder": Settings(files={".aws/config/x": ""}),
    "broken credentials": Settings(files={".aws/credentials": "]]\n=\n"}),
    "credentials of another account": Settings(files={".aws/credentials": CREDENTIALS}),
    "a profile that does not exist": env(AWS_PROFILE="nobody"),
    "a default profile that does not exist": env(AWS_DEFAULT_PROFILE="nobody"),
    "config that is nowhere": env(AWS_CONFIG_FILE="{home}/none", AWS_SHARED_CREDENTIALS_FILE="{home}/none"),
    "retry mode": env(AWS_RETRY_MODE="bogus"),
    "attempts": env(AWS_MAX_ATTEMPTS="abc"),
    "defaults mode": env(AWS_DEFAULTS_MODE="bogus"),
    "automatic defaults mode": env(AWS_DEFAULTS_MODE="auto", AWS_EC2_METADATA_SERVICE_ENDPOINT=ELSEWHERE),
    "STS": env(AWS_STS_REGIONAL_ENDPOINTS="bogus"),
    "FIPS and dualstack": env(AWS_USE_FIPS_ENDPOINT="true", AWS_USE_DUALSTACK_ENDPOINT="true"),
    "a CA bundle that is nowhere": env(AWS_CA_BUNDLE="/nowhere/ca.pem", REQUESTS_CA_BUNDLE="/nowhere/ca.pem"),
    "planted models": Settings(
        {f"planted/{path}": text for path, text in MODEL.items()}, {"AWS_DATA_PATH": "{home}/planted"}
    ),
    "planted models at home": Settings({f".aws/models/{path}": text for path, text in MODEL.items()}),
    "endpoints": env(AWS_ENDPOINT_URL=ELSEWHERE, AWS_ENDPOINT_URL_SQS=ELSEWHERE, AWS_ENDPOINT_URL_S3=ELSEWHERE),
    "an endpoint that is no URL": env(AWS_ENDPOINT_URL="http://[bad"),
    "the endpoint is to be ignored": env(AWS_IGNORE_CONFIGURED_ENDPOINT_URLS="true"),
    "LocalStack's own": env(LOCALSTACK_HOST="a:b:c", USE_SSL="1", EDGE_PORT="x", USE_LEGACY_PORTS="1"),
    "metadata": env(
        AWS_METADATA_SERVICE_TIMEOUT="x",
        AWS_METADATA_SERVICE_NUM_ATTEMPTS="x",
        AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE="bogus",
        AWS_EC2_METADATA_V1_DISABLED="x",
        AWS_IMDS_USE_IPV6="x",
    ),
    "container credentials": env(AWS_CONTAINER_CREDENTIALS_FULL_URI="http://192.0.2.1/", AWS_ROLE_ARN="arn:aws:iam"),
    "region": env(AWS_DEFAULT_REGION="mars-north-1", AWS_REGION="mars-north-1"),
    "keys": env(AWS_ACCESS_KEY_ID="AKIACANARY", AWS_SECRET_ACCESS_KEY="canary", AWS_SESSION_TOKEN="canary"),
    "half of the keys": env(AWS_ACCESS_KEY_ID="AKIACANARY"),
    "monitoring": env(AWS_CSM_ENABLED="true", AWS_CSM_HOST="nowhere.invalid", AWS_CSM_PORT="x"),
    "checksums": env(AWS_REQUEST_CHECKSUM_CALCULATION="bogus", AWS_RESPONSE_CHECKSUM_VALIDATION="bogus"),
    "compression": env(AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES="x", AWS_DISABLE_REQUEST_COMPRESSION="x"),
    "signing": env(AWS_SIGV4A_SIGNING_REGION_SET="", AWS_AUTH_SCHEME_PREFERENCE="httpBearerAuth,bogus"),
    "tokens": env(AWS_BEARER_TOKEN_SQS="canary", AWS_BEARER_TOKEN_S3="canary"),
    "account id": env(AWS_ACCOUNT_ID_ENDPOINT_MODE="bogus", AWS_ACCOUNT_ID="x"),
    "host prefixes": env(AWS_DISABLE_HOST_PREFIX_INJECTION="true"),
    "endpoint discovery": env(AWS_ENDPOINT_DISCOVERY_ENABLED="bogus"),
    "S3": env(AWS_S3_US_EAST_1_REGIONAL_ENDPOINT="bogus", AWS_S3_USE_ARN_REGION="x"),
    "user agent": env(AWS_SDK_UA_APP_ID="canary" * 20),
    "keep-alive": env(BOTOCORE_TCP_KEEPALIVE="true"),
    "plug-ins": env(BOTOCORE_EXPERIMENTAL__PLUGINS="p=planted"),
    "boto 2": env(BOTO_CONFIG="{home}/.aws/config"),
    "proxies": env(
        HTTP_PROXY=ELSEWHERE, http_proxy=ELSEWHERE, HTTPS_PROXY=ELSEWHERE, ALL_PROXY=ELSEWHERE, NO_PROXY="", no_proxy=""
    ),
    "everything in the config": config(
        "[default]\nregion = mars-north-1\nretry_mode = bogus\nmax_attempts = abc\nuse_fips_endpoint = true\n"
        f"ca_bundle = /nowhere\nendpoint_url = {ELSEWHERE}\nservices = mine\nignore_configured_endpoint_urls = true\n"
        "parameter_validation = false\napi_versions =\n  sqs = 1999-01-01\ndata_path = ~/.aws/models\n"
        "credential_process = /bin/false\nsso_session = x\ndefaults_mode = bogus\n"
        "s3 =\n  addressing_style = bogus\n  use_accelerate_endpoint = true\n  payload_signing_enabled = x\n"
        "tcp_keepalive = true\nsdk_ua_app_id = canary\ncli_pager =\n"
    ),
    "a working home": Settings(
        files={".aws/config": "[default]\nregion = eu-west-1\n", ".aws/credentials": CREDENTIALS},
    ),
}


def of_a_user(home: Path, *names: str) -> dict[str, str]:
    """The environment of a user with that home and these settings; the tests' own AWS settings are not in it."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    variables: dict[str, str] = {}
    for name in names:
        variables |= HOSTILE[name].variables(home)
    return {**clean, "HOME": str(home), **variables}


def canary_home(home: Path, name: str) -> Path:
    """Make `home` with the files of these settings, and a plug-in for botocore; returns it."""
    for path, text in HOSTILE[name].files.items():
        file = home / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (home / "code").mkdir(parents=True)
    (home / "code" / "planted.py").write_text("")
    return home
