"""Sessions: the sandbox by default, an AWS account only when asked for."""

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
# What is on loopback is never reached through a company's proxy, and answers or fails quickly.
DIRECT = Config(proxies={}, retries={"mode": "standard", "total_max_attempts": 2}, connect_timeout=5)
# All that botocore looks up in the environment and in files, as it is where nothing is found.
OWN_SETTINGS = {
    **{name: default for name, (_, _, default, _) in BOTOCORE_DEFAUT_SESSION_VARIABLES.items()},
    "region": REGION,
    "config_file": os.devnull,
    "credentials_file": os.devnull,
}

type Session = boto3.Session | SandboxSession


class RefusedSetting(BotoCoreError):
    """A setting of the user's own AWS configuration with which Rollcall does not go to AWS."""

    fmt = "{setting}: {reason}"


class SandboxSession(localstack_client.session.Session):
    """A session whose every client talks to the sandbox at `endpoint`, with dummy credentials.

    Nothing of the user's AWS settings is read, be it a variable of the environment or a file.
    """

    def __init__(self, endpoint: str):
        # Given no host, localstack-client takes LOCALSTACK_HOST apart, and fails where it is none.
        super().__init__("test", "test", region_name=REGION, localstack_host="127.0.0.1")
        # AWS_ENDPOINT_URL and USE_SSL would still decide.
        self._service_endpoint_mapping = dict.fromkeys(_service_ports, endpoint)
        self._boto3 = boto3.Session(botocore_session=hermetic())

    # localstack-client's own two methods ask boto3's default session, which is the user's.

    def client(self, service_name: str, **kwargs: Any) -> Any:
        """A boto3 client. A `config` that is given goes before the settings for the sandbox."""
        return self._make(self._boto3.client, service_name, kwargs)

    def resource(self, service_name: str, **kwargs: Any) -> Any:
        """A boto3 resource; see client."""
        return self._make(self._boto3.resource, service_name, kwargs)

    def _make(self, make: Callable[..., Any], service_name: str, kwargs: dict[str, Any]) -> Any:
        given = kwargs.pop("config", None)
        protected = {
            **self.common_protected_kwargs,
            "endpoint_url": self._service_endpoint_mapping[service_name],
            "config": DIRECT.merge(given) if given else DIRECT,
        }
        # botocore would import what BOTOCORE_EXPERIMENTAL__PLUGINS names.
        without_plugins = set_plugin_context(PluginContext("DISABLED"))
        try:
            return make(service_name, **{**kwargs, **protected})
        finally:
            reset_plugin_context(without_plugins)


def hermetic() -> botocore.session.Session:
    """A botocore session in which everything that it could look up has a value already."""
    made = botocore.session.Session()
    settings = {name: ConstantProvider(value) for name, value in OWN_SETTINGS.items()}
    made.register_component("config_store", ConfigValueStore(settings))
    # The default would find models in AWS_DATA_PATH and ~/.aws/models too.
    loader = Loader(extra_search_paths=[Loader.BUILTIN_DATA_PATH], include_default_search_paths=False)
    made.register_component("data_loader", loader)
    made.register_component("token_provider", TokenProviderChain())
    return made


def session(endpoint: str | None, profile: str | None = None, region: str | None = None) -> Session:
    """A session with the sandbox at `endpoint`; with None, with the AWS account of the user's own configuration.

    `profile` and `region` are for AWS only. Raises botocore's ProfileNotFound and its like, and RefusedSetting.
    """
    if endpoint is None:
        # As boto3 makes it by itself, and looked at before it is used.
        own = botocore.session.get_session()
        if profile:
            own.set_config_variable("profile", profile)
        refuse_what_is_not_aws(own)
        return boto3.Session(botocore_session=own, region_name=region)
    return SandboxSession(endpoint)


def refuse_what_is_not_aws(own: botocore.session.Session) -> None:
    """Raise RefusedSetting where the user's settings lead elsewhere than to AWS, or cannot be read.

    People who use LocalStack have an endpoint in their environment or profile: asked for AWS, Rollcall would send real
    credentials there and say that it was AWS.
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
    """Where botocore would find the URL of an endpoint, in the environment and in the profile, and the URL."""
    found = [(name, url) for name, url in sorted(os.environ.items()) if name.startswith("AWS_ENDPOINT_URL") and url]
    profile = own.get_scoped_config()
    services = own.full_config.get("services", {}).get(profile.get("services"), {})
    for place, settings in [("", profile), *((f" ({service})", each) for service, each in services.items())]:
        if isinstance(settings, dict) and (url := settings.get("endpoint_url")):
            found.append((f"endpoint_url{place} of your AWS profile {own.profile or 'default'}", url))
    return found


def is_sandbox(session: Session) -> bool:
    """Whether what is done with this session happens in a sandbox."""
    return isinstance(session, SandboxSession)
