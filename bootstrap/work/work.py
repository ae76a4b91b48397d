"""A work folder as it lies on the disk: its files, its settings, and the values of its secrets."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bootstrap.work.dotenv import read_dotenv
from bootstrap.work.files import work_files
from bootstrap.work.own_resources import check_outputs
from bootstrap.work.permissions import PLACE, unknown_names
from bootstrap.work.problem import BadWork, one_of
from bootstrap.work.record import digest_of
from bootstrap.work.settings import FILE, Settings, read_settings
from bootstrap.work.toml_file import TomlFile

DOTENV = ".env"


@dataclass(frozen=True)
class Work:
    """`folder` is None for the example, which has nothing of its own.

    `files` are those for the functions' zip, by their path there; `outputs` are the names of the own resources'.
    """

    folder: Path | None = None
    settings: Settings = field(default_factory=Settings)
    files: Mapping[str, Path] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The folder's name; empty for the example."""
        return self.folder.name if self.folder else ""

    @property
    def digest(self) -> str:
        """A hash of all that is deployed but the secrets, which no record may hold."""
        beside = {"rollcall.toml": self.folder / FILE} if self.folder and (self.folder / FILE).is_file() else {}
        if self.settings.resources:
            beside["the own resources"] = self.settings.resources
        return digest_of({**self.files, **beside})

    def secret_values(self) -> dict[str, str]:
        """The values of the secrets by variable, for a sandbox. Raises BadWork for a missing one."""
        if not self.folder or not self.settings.secrets:
            return {}
        path = self.folder / DOTENV
        values = read_dotenv(path)
        for variable, secret in self.settings.secrets.items():
            if not values.get(variable):
                raise BadWork(
                    f"{path}: it has no value for {variable}, the secret {secret} of {FILE}",
                    f"add a line to it: {variable}=...",
                )
        return {variable: values[variable] for variable in self.settings.secrets}

    def refused_secret(self, variable: str, says: str) -> BadWork:
        """The error for a secret of rollcall.toml."""
        assert self.folder  # noqa: S101 - the example has no secrets
        return TomlFile(self.folder / FILE).refused(("secrets", variable), says)


def read_work(folder: Path | None) -> Work:
    """Read and check a work folder; None stands for the example. Raises BadWork."""
    if not folder:
        return Work()
    file = TomlFile(folder / FILE) if (folder / FILE).is_file() else None
    settings = read_settings(file, folder) if file else Settings()
    outputs = check_outputs(settings.resources, settings) if settings.resources else []
    for number, permission in enumerate(settings.permissions):
        if file and (unknown := unknown_names(permission, outputs)):
            says = f"there is no output {unknown[0]}: {one_of(unknown[0], {*outputs, *PLACE})}"
            raise file.refused(("permissions", number, "resources"), says)
    files = work_files(folder, without=[settings.resources] if settings.resources else [])
    return Work(folder, settings, files, tuple(outputs))
