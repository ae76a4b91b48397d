"""S3 as on AWS where stock LocalStack differs: who owns a bucket, and where the objects lie."""

from pathlib import Path
from typing import Any

from localstack import config
from localstack.aws import handlers
from localstack.aws.api import CommonServiceException, RequestContext
from localstack.services.s3.models import s3_stores
from localstack.services.s3.storage import ephemeral
from localstack.services.s3.storage.ephemeral import EphemeralS3ObjectStore
from localstack.utils.patch import patch

CHUNK_BYTES = 1024 * 1024


def install() -> None:
    """Check `ExpectedBucketOwner` in every operation that has it, and keep objects among the engine's own files.

    Stock checks the owner in a few operations only. It keeps the objects of all users of a machine in one folder in
    /tmp; the folder here belongs to one engine, and is deleted with it. It reads objects in chunks of 64 KB, each of
    which waits for the thread that sends it: a busy engine took seconds for a layer.
    """
    ephemeral.S3_CHUNK_SIZE = CHUNK_BYTES  # type: ignore[attr-defined]
    handlers.serve_custom_service_request_handlers.append(refuse_other_owner)  # type: ignore[arg-type]  # by position

    @patch(EphemeralS3ObjectStore.__init__)
    def __init__(stock: Any, self: EphemeralS3ObjectStore, _root_directory: str | None = None) -> None:
        stock(self, str(Path(config.dirs.tmp, "s3")))


def refuse_other_owner(_chain: Any, context: RequestContext, _response: Any) -> None:
    """Raise AccessDenied if another account owns the bucket than the request expects."""
    request: Any = context.service_request or {}
    expected = request.get("ExpectedBucketOwner") if context.service and context.service.service_name == "s3" else None
    buckets = s3_stores[context.account_id][context.region].global_bucket_map if expected else {}
    owner = buckets.get(request.get("Bucket"))
    if owner and owner != expected:
        raise CommonServiceException("AccessDenied", "Access Denied", status_code=403)
