"""`ExpectedBucketOwner` as S3 takes it: the engine looks at it in few of the operations that have it."""

from typing import Any

from localstack.aws import handlers
from localstack.aws.api import CommonServiceException, RequestContext
from localstack.services.s3.models import s3_stores


def refuse_others(chain: Any, context: RequestContext, response: Any) -> None:
    """Refuse a request for a bucket that is not the account's that it expects."""
    asked: Any = context.service_request or {}
    expected = asked.get("ExpectedBucketOwner") if context.service and context.service.service_name == "s3" else None
    owner = s3_stores[context.account_id][context.region].global_bucket_map.get(asked["Bucket"]) if expected else None
    if owner and owner != expected:
        raise CommonServiceException("AccessDenied", "Access Denied", status_code=403)


def install() -> None:
    """Refuse from now on."""
    handlers.serve_custom_service_request_handlers.append(refuse_others)
