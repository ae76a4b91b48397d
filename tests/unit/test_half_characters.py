"""Half a character in an item, an id or a request stops no function: what they return is said in UTF-8."""

import inspect
import json

import pytest

from handlers.core.batch import BatchRequest, Ending, InvalidRequest, Status
from handlers.core.items import chunks
from handlers.core.json_text import unsealed
from handlers.sfn import processor
from handlers.sfn.fence import Fence
from tests.in_process import InProcess
from tests.unit.sfn_world import BUCKET, S3

HALF = {"id": "bad", "t": "cut emoji \ud83d", "fail": True}
BATCH = {"batchId": "b", "generation": 1, "itemConcurrency": 2, "maxAttempts": 2}


class Context:
    aws_request_id = "r"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


@pytest.mark.parametrize("attempt", [1, 2])
@pytest.mark.parametrize("half", [HALF, {**HALF, "id": "\udc80"}])
def test_step_functions_processor_returns_what_its_runtime_can_say(
    monkeypatch: pytest.MonkeyPatch, attempt: int, half: dict
):
    seen: list[dict] = []

    def process(item: dict) -> None:
        seen.append(item)
        if item.get("fail"):
            raise ValueError(f"no {item['t']}")

    monkeypatch.setattr(processor, "WORKER", InProcess(process))
    monkeypatch.setattr(processor, "result_store", lambda: None)
    monkeypatch.setattr(processor, "fence", lambda: Fence(S3(), BUCKET))
    [chunk] = chunks([{"id": "good"}, half], 10, 1000, seal=True)
    # As Lambda's runtime reads an event and says the answer.
    event = {"batch": BATCH, "chunk": {"seq": 0, "items": list(map(json.loads, chunk.items))}, "attempt": attempt}
    event |= {"died": {"count": 0}, "final": {"items": [], "errors": []}}
    handler = inspect.unwrap(processor.handler)  # without its metrics
    answer = handler(json.loads(json.dumps(event)), Context())
    json.dumps(answer, ensure_ascii=False).encode()
    assert [item["id"] for item in seen] == ["good", half["id"]]
    assert answer["outcome"] == ("RETRY" if attempt == 1 else "FAILED")
    assert [unsealed(item) for item in answer["chunk"]["items"]] == [half]


def test_a_chunk_with_sealed_items_stays_below_its_bytes():
    items = [{"id": str(number), "t": "\ud83d", "n": ['"'] * 10} for number in range(100)]
    made = list(chunks(items, 1000, 900, seal=True))
    assert sum(len(chunk.items) for chunk in made) == 100
    assert all(len(",".join(chunk.items).encode()) <= 900 for chunk in made)


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ({"bucket": "b", "key": "input/\ud83d.jsonl"}, "input.key: 'input/\\ud83d.jsonl' has half a character"),
        ({"bucket": "\ud83d", "key": "input/a.jsonl"}, "input.bucket: '\\ud83d' has half a character"),
        ({"bucket": "b", "key": "a.jsonl", "etag": "\ud83d"}, "input.etag: '\\ud83d' has half a character"),
        ({"bucket": "b", "key": "a.jsonl", "etag": "a\nb"}, "input.etag: 'a\\nb' must be an ETag"),
        ({"bucket": "b", "key": "a.jsonl", "etag": "\u00fc"}, "input.etag: '\u00fc' must be an ETag"),
    ],
)
def test_an_input_whose_name_nobody_can_say_is_refused(place, said):
    with pytest.raises(InvalidRequest) as refused:
        BatchRequest.parse({"input": place})
    assert said in str(refused.value)


def test_a_reason_shows_odd_characters_and_can_be_said():
    assert str(InvalidRequest("a \ud83d b\x1b[31m c\u00fc")) == "a \\ud83d b\\x1b[31m c\u00fc"
    ending = Ending("b", 1, "sfn", Status.FAILED, 0, 0, 0, 0, 0, 0, 0, "cause: \ud83d")
    assert ending.detail()["reason"] == "cause: \\ud83d"
