"""A Distributed Map over the objects of a bucket gets all of them, as AWS shows them.

Stock reads the first page only, fails on an empty one, and hands on dates, which are no JSON.
https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html
"""

from typing import Any

from localstack.services.stepfunctions.asl.component.state.state_execution.state_map.item_reader.resource_eval import (
    resource_eval_s3 as s3,
)


def install() -> None:
    """Replace how objects are listed for a Map."""
    s3.ResourceEvalS3._handle_list_objects_v2 = staticmethod(_list_objects)  # type: ignore[method-assign]


def _list_objects(env: Any, resource_runtime_part: Any, state_credentials: Any) -> None:
    client = s3.ResourceEvalS3._get_s3_client(
        resource_runtime_part=resource_runtime_part, state_credentials=state_credentials
    )
    pages = client.get_paginator("list_objects_v2").paginate(**env.stack.pop())
    env.stack.append([_item(found) for page in pages for found in page.get("Contents", [])])


def _item(found: dict[str, Any]) -> dict[str, Any]:
    return {
        "Etag": found["ETag"],
        "Key": found["Key"],
        "LastModified": int(found["LastModified"].timestamp()),
        "Size": found["Size"],
        "StorageClass": found["StorageClass"],
    }
