"""Deploys what a work folder needs beside our stacks: its resources, secrets and permissions, once it is checked."""

from collections.abc import Iterable, Mapping

from bootstrap.aws import Session, is_sandbox
from bootstrap.bucket import Buckets, buckets_of
from bootstrap.change_sets import Stacks
from bootstrap.dependencies import installed
from bootstrap.layers import Layer
from bootstrap.stacks import STACK_NAMES, parameters_of
from bootstrap.work import own_resources, permissions, secret_stores
from bootstrap.work.dotenv import read_dotenv
from bootstrap.work.files import refuse_collisions
from bootstrap.work.import_check import check_imports
from bootstrap.work.own_resources import variable_of
from bootstrap.work.record import Record, find_record, put_record, remove_record
from bootstrap.work.secret import Secret
from bootstrap.work.secret_stores import Found
from bootstrap.work.variables import as_parameters
from bootstrap.work.work import DOTENV, Work

# The functions that run code of the work, by the outputs that name them.
RUN_THE_WORK = ("ProcessorFunctionName", "BatcherFunctionName", "FinalizerFunctionName")


class WorkDeployment:
    """A deployment of one work to one account or sandbox, under one suffix."""

    def __init__(self, session: Session, work: Work, suffix: str, stacks: Stacks) -> None:
        self._session = session
        self._work = work
        self._suffix = suffix
        self._stacks = stacks
        self._changed_secrets: list[Secret] = []

    def check(self, architecture: str) -> Layer | None:
        """Refuse work that cannot run; returns the layer with its dependencies, if it has any. Deploys nothing.

        Raises BadWork, and CannotVendor for dependencies that cannot be installed.
        """
        if not self._work.folder:
            return None
        layer = installed(self._work.settings.dependencies, architecture)
        dependencies = layer.unpacked() if layer else None
        refuse_collisions(self._work.files, dependencies)
        if not is_sandbox(self._session):
            self._find_secrets()
        if said := check_imports(self._work.files, dependencies, self._variables(), architecture):
            self._stacks.progress(said)
        return layer

    def deploy(self) -> dict[str, str]:
        """Deploy the own resources, the secrets of a sandbox, and the permissions; returns our stacks' parameters.

        Raises BadWork, also for a secret that is not there, and DeployFailed.
        """
        work, settings = self._work, self._work.settings
        outputs: Mapping[str, str] = {}
        if settings.resources:
            outputs = own_resources.deploy_resources(self._stacks, self._suffix, settings.resources)
        elif self._stacks.describe(own_resources.STACK + self._suffix):
            self._stacks.progress(
                f"{own_resources.STACK + self._suffix}: stays, although this work has no resources of its own; "
                "`python -m bootstrap destroy` deletes it"
            )
        if is_sandbox(self._session):
            values = work.secret_values()
            places = {settings.secrets[variable]: value for variable, value in values.items()}
            self._changed_secrets = secret_stores.put(self._session, places)
        variables = {variable_of(output): outputs[output] for output in work.outputs if output in outputs}
        parameters = as_parameters(
            {**settings.environment, **variables}, {name: str(secret) for name, secret in settings.secrets.items()}
        )
        return parameters | self._deploy_permissions(outputs)

    def finish(self, buckets: Buckets, deployed: Mapping[str, Mapping[str, str]], given: Mapping[str, str]) -> None:
        """Once our stacks are deployed: remove permissions that they have no more, and record which work they run.

        `deployed`: the outputs of each stack by its name; `given`: the parameters of the command line.
        """
        if not (self._work.settings.secrets or self._work.settings.permissions):
            remove_unused_permissions(self._stacks, self._suffix)
        if self._changed_secrets:
            self._restart(outputs[key] for outputs in deployed.values() for key in RUN_THE_WORK if key in outputs)
        self.record(buckets, deployed, given)

    def record(self, buckets: Buckets, names: Iterable[str], given: Mapping[str, str] | None = None) -> None:
        """Record that stacks run this work. `given` are the parameters of the command line, None for those before."""
        for name in names:
            before = find_record(buckets, name) if given is None else None
            parameters = given or (before.parameters if before else {})
            put_record(buckets, name, Record(self._work.name, self._work.digest, dict(parameters)))

    def _variables(self) -> dict[str, str]:
        """The variables of the import check. What is not known yet has some text."""
        work = self._work
        current = own_resources.current_outputs(self._stacks, self._suffix) if work.outputs else {}
        outputs = {variable_of(name): current.get(name, f"not-yet-deployed-{name}") for name in work.outputs}
        place = {"AWS_REGION": self._session.region_name, "AWS_DEFAULT_REGION": self._session.region_name}
        if is_sandbox(self._session):
            endpoint = self._session.client("sts").meta.endpoint_url
            place |= {"AWS_ENDPOINT_URL": endpoint, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
            values = work.secret_values()
        else:
            found = read_dotenv(work.folder / DOTENV) if work.folder else {}
            values = {name: found.get(name, f"not-read-{name}") for name in work.settings.secrets}
        return {**work.settings.environment, **outputs, **values, **place}

    def _deploy_permissions(self, outputs: Mapping[str, str]) -> dict[str, str]:
        settings = self._work.settings
        found = self._find_secrets()
        identity = self._session.client("sts").get_caller_identity()
        place = (identity["Account"], identity["Arn"].split(":")[1], self._session.region_name)
        for_secrets = permissions.statements_for_secrets(found)
        values = {**outputs, **dict(zip(permissions.PLACE, place, strict=True))}
        of_source = [permission for permission in settings.permissions if permission.source]
        return permissions.deploy_permissions(
            self._stacks,
            self._suffix,
            for_secrets + permissions.statements_of(settings.permissions, values),
            for_secrets + permissions.statements_of(of_source, values),
        )

    def _find_secrets(self) -> dict[Secret, Found]:
        """Look the secrets up, without reading their values. Raises BadWork for one that is not there."""
        found = {}
        for variable, secret in self._work.settings.secrets.items():
            if not (there := secret_stores.find(self._session, secret)):
                kind = "parameter in SSM" if secret.kind == "ssm" else "secret in Secrets Manager"
                says = f"there is no {kind} called {secret.name} in {self._session.region_name}: create it, then deploy"
                raise self._work.refused_secret(variable, says)
            found[secret] = there
        return found

    def _restart(self, functions: Iterable[str]) -> None:
        """End the functions' environments in the sandbox: a secret is read when an environment begins."""
        client = self._session.client("lambda")
        for name in functions:
            client.update_function_configuration(FunctionName=name)
            client.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.1})
        self._stacks.progress(f"changed secrets: {', '.join(map(str, self._changed_secrets))}")


def remove_unused_permissions(stacks: Stacks, suffix: str) -> None:
    """Delete the policies of the work, unless a role of one of our stacks still has them."""
    for name in STACK_NAMES.values():
        found = stacks.describe(name + suffix)
        if found and parameters_of(found).get(permissions.PARAMETERS[0]):
            return
    permissions.remove_permissions(stacks, suffix)


def remove_work(session: Session, stacks: Stacks, suffix: str, names: Iterable[str]) -> None:
    """After our stacks `names` are deleted: delete what was deployed beside them, once none of ours is left.

    Raises BadWork for a bucket that still has objects, and DeployFailed.
    """
    buckets = buckets_of(session, stacks.progress)
    for name in names:
        remove_record(buckets, name)
    if any(stacks.describe(name + suffix) for name in STACK_NAMES.values()):
        return
    permissions.remove_permissions(stacks, suffix)
    own_resources.remove_resources(stacks, buckets.s3, suffix)
