"""A job such as a user has: a badge for each guest, signed with a secret, drawn by a package, put into a bucket."""

import csv
import zipfile
from pathlib import Path

GUESTS = 40
# A secret that no output, parameter or log may show.
SECRET = "kept-in-the-dotenv"
WORK = '''"""Draws a guest's badge, signs it, and puts it into the bucket."""

import hashlib
import hmac
import os

import badgemaker
import boto3

s3 = boto3.client("s3")
KEY = os.environ["SIGNING_KEY"].encode()


def process(item):
    badge = badgemaker.draw(item["name"], os.environ["EVENT"])
    signature = hmac.new(KEY, badge.encode(), hashlib.sha256).hexdigest()
    s3.put_object(Bucket=os.environ["BADGE_BUCKET"], Key=item["id"], Body=badge, Metadata={"signature": signature})
    return {"signature": signature}
'''
RESOURCES = """Resources:
  BadgeBucket:
    Type: AWS::S3::Bucket
Outputs:
  BadgeBucket:
    Value: !Ref BadgeBucket
"""
SETTINGS = """dependencies = ["badgemaker @ {wheel}"]

[environment]
EVENT = "PyCon"

[secrets]
SIGNING_KEY = "ssm:/badges/signing-key"

[resources]
template = "resources.yaml"

[[permissions]]
actions = ["s3:PutObject"]
resources = ["arn:aws:s3:::${{BadgeBucket}}/*"]
"""


def badge_of(name: str) -> str:
    """What the package draws."""
    return f"<svg><text>{name} at PyCon</text></svg>"


def write_job(folder: Path) -> None:
    """Turn a new work folder into the job: edit its files as a user does."""
    wheel = build_wheel(folder.parent)
    (folder / "work.py").write_text(WORK)
    (folder / "resources.yaml").write_text(RESOURCES)
    (folder / "rollcall.toml").write_text(SETTINGS.format(wheel=wheel.as_uri()))
    (folder / ".env").write_text(f"SIGNING_KEY='{SECRET}'\n")
    with (folder / "guests.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "name"])
        rows.writerows([f"g{number}", f"Guest {number}"] for number in range(GUESTS))


def build_wheel(folder: Path) -> Path:
    """A package of Python's only, so that it can be installed offline and for any platform."""
    path = folder / "badgemaker-1.0-py3-none-any.whl"
    info = "badgemaker-1.0.dist-info"
    files = {
        "badgemaker.py": 'def draw(name, event):\n    return f"<svg><text>{name} at {event}</text></svg>"\n',
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: badgemaker\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(name, text)
    return path
