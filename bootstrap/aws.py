"""boto3 sessions: with the sandbox by default, with an AWS account on request."""

import os
from collections.abc import Callable
from typing import Any

import boto3
import botocore.session
import localstack_client.session
from botocore.config import Config
from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES, ConfigValueStore, ConstantProvider
from botocore.exceptions import BotoCoreError
from botocore.loaders import Loader
from botocore.plugin import PluginContext, reset_plugin_context, set_plugin_context
from botocore.tokens import TokenProviderChain
from localstack_client.config import _service_ports

REGION = "us-east-1"
# Requests to loopback use no proxy, and are answered or fail quickly.
DIRECT = Config(proxies={}, retries={"mode": "standard", "total_max_attempts": 2}, connect_timeout=5)
# The values of all settings that botocore looks up in the environment and in files, when it finds none.
OWN_SETTINGS = {
    **{name: default for name, (_, _, default, _) in BOTOCORE_DEFAUT_SESSION_VARIABLES.items()},
    "region": REGION,
    "config_file": os.devnull,
    "credentials_file": os.devnull,
}

type Session = boto3.Session | SandboxSession


class RefusedSetting(BotoCoreError):  # type: ignore[misc]  # botocore has no types
    """A setting in the user's AWS configuration with which Rollcall does not call AWS."""

    fmt = "{setting}: {reason}"


class SandboxSession(localstack_client.session.Session):  # type: ignore[misc]  # nor has localstack-client
    """A session whose clients call the sandbox at `endpoint` with dummy credentials.

    It reads none of the user's AWS settings, neither environment variables nor files.
    """

    def __init__(self, endpoint: str):
        # Without a host, localstack-client parses LOCALSTACK_HOST, and fails if it is no host.
        super().__init__("test", "test", region_name=REGION, localstack_host="127.0.0.1")
        # Otherwise AWS_ENDPOINT_URL and USE_SSL would decide.
        self._service_endpoint_mapping = dict.fromkeys(_service_ports, endpoint)
        self._boto3 = boto3.Session(botocore_session=hermetic())

    # localstack-client's own two methods use boto3's default session, which is the user's.

    def client(self, service_name: str, **kwargs: Any) -> Any:
        """Create a boto3 client. The argument `config` overrides the settings for the sandbox."""
        return self._make(self._boto3.client, service_name, kwargs)

    def resource(self, service_name: str, **kwargs: Any) -> Any:
        """Create a boto3 resource; see client."""
        return self._make(self._boto3.resource, service_name, kwargs)

    def _make(self, make: Callable[..., Any], service_name: str, kwargs: dict[str, Any]) -> Any:
        given = kwargs.pop("config", None)
        protected = {
            **self.common_protected_kwargs,
            "endpoint_url": self._service_endpoint_mapping[service_name],
            "config": DIRECT.merge(given) if given else DIRECT,
        }
        # Otherwise botocore would import the modules that BOTOCORE_EXPERIMENTAL__PLUGINS names.
        without_plugins = set_plugin_context(PluginContext("DISABLED"))
        try:
            return make(service_name, **{**kwargs, **protected})
        finally:
            reset_plugin_context(without_plugins)


def hermetic() -> botocore.session.Session:
    """Create a botocore session that looks nothing up: all its settings have values."""
    made = botocore.session.Session()
    settings = {name: ConstantProvider(value) for name, value in OWN_SETTINGS.items()}
    made.register_component("config_store", ConfigValueStore(settings))
    # The default loader also searches AWS_DATA_PATH and ~/.aws/models.
    loader = Loader(extra_search_paths=[Loader.BUILTIN_DATA_PATH], include_default_search_paths=False)
    made.register_component("data_loader", loader)
    made.register_component("token_provider", TokenProviderChain())
    return made


def session(endpoint: str | None, profile: str | None = None, region: str | None = None) -> Session:
    """Create a session with the sandbox at `endpoint` or, for None, with the AWS account of the user's configuration.

    `profile` and `region` are for AWS only. Raises BotoCoreError, such as ProfileNotFound and RefusedSetting.
    """
    if endpoint is None:
        # boto3 creates the same by default. Here it is checked before it is used.
        own = botocore.session.get_session()
        if profile:
            own.set_config_variable("profile", profile)
        refuse_other_endpoints(own)
        return boto3.Session(botocore_session=own, region_name=region)
    return SandboxSession(endpoint)


def refuse_other_endpoints(own: botocore.session.Session) -> None:
    """Raise RefusedSetting if the user's settings name an endpoint that may not be AWS, or cannot be read.

    Users of LocalStack have an endpoint in their environment or profile. With --aws, Rollcall would send real
    credentials there and report that it was AWS.
    """
    for name in BOTOCORE_DEFAUT_SESSION_VARIABLES:
        try:
            own.get_config_variable(name)
        except ValueError as error:
            raise RefusedSetting(setting=f"your AWS setting {name}", reason=f"{error}: correct or unset it") from error
    if own.get_config_variable("ignore_configured_endpoint_urls"):
        return
    if found := configured_endpoints(own):
        setting, url = found[0]
        raise RefusedSetting(
            setting=f"{setting} is {url!r}",
            reason="with --aws your calls would go there, not to AWS: remove it, or set "
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true",
        )


def configured_endpoints(own: botocore.session.Session) -> list[tuple[str, str]]:
    """Every setting in the environment and in the profile that names an endpoint, and the endpoint's URL."""
    found = [(name, url) for name, url in sorted(os.environ.items()) if name.startswith("AWS_ENDPOINT_URL") and url]
    profile = own.get_scoped_config()
    services = own.full_config.get("services", {}).get(profile.get("services"), {})
    for place, settings in [("", profile), *((f" ({service})", values) for service, values in services.items())]:
        if isinstance(settings, dict) and (url := settings.get("endpoint_url")):
            found.append((f"endpoint_url{place} of your AWS profile {own.profile or 'default'}", url))
    return found


def is_sandbox(session: Session) -> bool:
    """Whether the session is one with a sandbox."""
    return isinstance(session, SandboxSession)
