"""Files of every kind that people feed a batch: both architectures make the documented outcome of each."""

from collections.abc import Mapping
from itertools import batched, product
from typing import Any

import pytest

from costs.plan.settings import Settings
from handlers.core.files.unreadable import NOT_READ
from tests.checked import checked
from tests.e2e.file_corpus import CORPUS, File
from tests.e2e.stacks import Stacks
from tests.probes import eventually

ARCHITECTURES = ("sqs", "sfn")
AT_A_TIME = 5
ITEMS_PER_CHUNK = 30


@pytest.fixture(scope="module")
def details(stacks: Stacks) -> Mapping[tuple[str, str], dict]:
    """Batch Finished of every file in both architectures, several of which run at a time."""
    places = {file.name: place_of(stacks, file) for file in CORPUS}
    found: dict[tuple[str, str], dict] = {}
    for group in batched(product(ARCHITECTURES, places), AT_A_TIME, strict=False):
        found |= finished(stacks, {which: start(stacks, which[0], places[which[1]]) for which in group})
    return found


def place_of(stacks: Stacks, file: File) -> dict[str, Any]:
    return stacks.upload(file.name, file.content, **file.about) | ({"reading": file.reading} if file.reading else {})


def start(stacks: Stacks, architecture: str, place: dict[str, Any]) -> str:
    return stacks.start(architecture, input=place, maxAttempts=1, itemsPerChunk=ITEMS_PER_CHUNK)


def finished[Which](stacks: Stacks, batches: Mapping[Which, str]) -> dict[Which, dict]:
    """Wait for Batch Finished of each."""

    def all_of_them() -> dict[Which, dict]:
        told = {which: stacks.published(batch) for which, batch in batches.items()}
        assert all(told.values()), [which for which, published in told.items() if not published]
        return {which: published[0] for which, published in told.items()}

    return eventually(all_of_them, timeout=120)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("file", CORPUS, ids=lambda file: file.name)
def test_a_file_has_the_same_documented_outcome_in_both_architectures(
    stacks: Stacks, details: Mapping[tuple[str, str], dict], architecture: str, file: File
):
    detail = details[architecture, file.name]
    assert (detail["status"], detail["succeeded"], detail["failed"], detail["remaining"]) == (
        file.status,
        len(file.seen),
        len(file.failed),
        0,
    ), detail["reason"]
    assert (detail["reason"] is None) == (file.reason is None)
    assert (file.reason or "") in (detail["reason"] or "")
    if not file.about:
        expected = checked(file.name, file.content, Settings(items_per_chunk=ITEMS_PER_CHUNK), reading=file.reading)
        assert (detail["items"], detail["chunks"]) == (expected.items, expected.chunks[architecture])
    seen = {item["id"]: item for item in file.seen if "value" not in item}
    assert stacks.results(detail["batchId"]) == seen
    failures = stacks.failures(architecture, detail["batchId"]) if detail["failed"] else []
    errors = {failure["item"]["id"]: failure["error"] for failure in failures}
    assert errors.keys() == file.failed.keys()
    for item_id, said in file.failed.items():
        assert said in errors[item_id]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_redrive_of_an_input_that_broke_off_runs_what_failed_and_says_the_same_again(
    stacks: Stacks, architecture: str
):
    content = b"id,fail\n1,\n2,yes\n3,\n4,\n5,\n" + b'6,"x\n7,"y"\n'
    batch = stacks.start(architecture, input=stacks.upload("broken.csv", content), maxAttempts=1, itemsPerChunk=2)
    first = stacks.finished(batch, generation=1)
    assert (first["items"], first["succeeded"], first["failed"], first["remaining"]) == (5, 4, 1, 0)
    assert "the row at line 7 cannot be read" in first["reason"]
    assert first["reason"].endswith(NOT_READ)
    for generation in (1, 2):
        request = {"redrive": {"batchId": batch, "generation": generation}}
        if architecture == "sqs":
            stacks.request(request)
        else:
            stacks.execute(request)
        again = stacks.finished(batch, generation + 1)
        assert (again["status"], again["items"], again["failed"], again["remaining"]) == ("FAILED", 1, 1, 0)
        assert again["reason"] == first["reason"]
        failures = stacks.failures(architecture, batch, generation + 1)
        assert [failure["item"] for failure in failures] == [{"id": "2", "fail": "yes"}]
