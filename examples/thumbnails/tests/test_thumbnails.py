"""Of one photo without a sandbox, and of a bucket with photos in it."""

import io
import os
from typing import Any

import pytest
from PIL import Image, UnidentifiedImageError
from work import shrink, thumbnail_of


def photo(width: int, height: int) -> bytes:
    made = io.BytesIO()
    Image.new("RGBA", (width, height), "teal").save(made, "PNG")
    return made.getvalue()


def test_a_thumbnail_keeps_the_photos_proportions() -> None:
    thumbnail, size = shrink(photo(800, 400))
    with Image.open(io.BytesIO(thumbnail)) as made:
        assert (made.format, made.size, size) == ("JPEG", (200, 100), (200, 100))


def test_what_is_no_photo_fails() -> None:
    with pytest.raises(UnidentifiedImageError):
        shrink(b"no photo")


def test_a_batch_makes_a_thumbnail_of_every_photo_in_the_bucket(sandbox: Any, run_batch: Any) -> None:
    s3, bucket = sandbox.client("s3"), os.environ["PHOTO_BUCKET"]
    photos = {f"photos/{number:02}.png": photo(300 + number, 300) for number in range(12)}
    for key, body in {**photos, "photos/notes.txt": b"no photo"}.items():
        s3.put_object(Bucket=bucket, Key=key, Body=body)
    for key in photos:  # those of a batch before
        s3.delete_object(Bucket=bucket, Key=thumbnail_of(key))
    result, processed, failures = run_batch(tolerated_failure_percentage=10)
    assert (result.status, result.succeeded) == ("SUCCEEDED", len(photos))
    assert processed.keys() == photos.keys()
    assert list(failures) == ["photos/notes.txt"]
    for key in photos:
        made = s3.get_object(Bucket=bucket, Key=thumbnail_of(key))["Body"].read()
        with Image.open(io.BytesIO(made)) as image:
            assert image.size == (processed[key]["width"], processed[key]["height"])
