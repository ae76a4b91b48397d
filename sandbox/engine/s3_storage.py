"""S3's objects lie among the engine's own files: stock keeps those of all users of a machine in one folder in /tmp."""

from pathlib import Path

from localstack import config
from localstack.services.s3.storage.ephemeral import EphemeralS3ObjectStore
from localstack.utils.patch import patch


def install() -> None:
    """Keep the objects in a folder that only this engine uses, and that goes with it."""

    @patch(EphemeralS3ObjectStore.__init__)
    def __init__(stock, self, root_directory=None):
        stock(self, str(Path(config.dirs.tmp, "s3")))
