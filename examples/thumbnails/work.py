"""Makes a thumbnail of a photo that lies in a bucket, beside it."""

import io
import os
from typing import Any

import boto3
from PIL import Image

SIZE = (200, 200)
# Created once, for all items of this process: clients of boto3 may be used by several threads.
s3 = boto3.client("s3")


def process(item: dict[str, Any]) -> dict[str, Any]:
    """Read the photo, and write its thumbnail. The same item may come twice: it writes the same object again."""
    bucket = os.environ["PHOTO_BUCKET"]
    photo = s3.get_object(Bucket=bucket, Key=item["id"])["Body"].read()
    thumbnail, size = shrink(photo)
    s3.put_object(Bucket=bucket, Key=thumbnail_of(item["id"]), Body=thumbnail, ContentType="image/jpeg")
    return {"width": size[0], "height": size[1]}


def thumbnail_of(key: str) -> str:
    """The key of a photo's thumbnail."""
    return f"thumbnails/{key.removeprefix('photos/')}.jpg"


def shrink(photo: bytes) -> tuple[bytes, tuple[int, int]]:
    """The photo as a JPEG that fits into SIZE, and its new size. Raises PIL.UnidentifiedImageError for no photo."""
    with Image.open(io.BytesIO(photo)) as image:
        image.thumbnail(SIZE)
        made = io.BytesIO()
        image.convert("RGB").save(made, "JPEG")
        return made.getvalue(), image.size
