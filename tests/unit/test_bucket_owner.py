"""Whose bucket a call to S3 means: no client of ours is made without saying so."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = sorted(
    path for layer in ("handlers", "bootstrap", "costs", "rollcall") for path in (ROOT / layer).rglob("*.py")
)
CLIENT = re.compile(r"""(?:client|resource)\(\s*["']s3["']""")


def test_every_client_for_s3_expects_an_owner():
    # What it does in calls is held against an engine: tests/e2e/test_buckets.py, test_permissions.py.
    made = [line for path in SOURCES for line in path.read_text().splitlines() if CLIENT.search(line)]
    assert made
    assert [line for line in made if "expecting(" not in line] == []
