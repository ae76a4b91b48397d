"""A round of a child execution: one invocation's part of an attempt at a chunk, and what the next round gets of it."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from handlers.core.json_text import Item, JsonObject, unsealed
from handlers.core.rejected import cut
from handlers.core.run_items import Results
from handlers.core.user_frames import shortened
from handlers.sfn.states import Final, ProcessorInput, error_in

# A state's output is at most 256 KiB, of which items take 200. A chunk's errors, quotes and commas share this part.
ERRORS_BYTES = 32 * 1024
NEVER_TRIED = "not processed: every attempt at its chunk ran out of time"
DIED_ALONE = "its function ended without a result, and again while it processed this item alone"

type Run = Callable[[Mapping[int, Item], Collection[int]], Results]
"""Processes items by index; those of the second argument one by one, after the others."""


class Round:
    """The chunk's items are those to process, and then those that have failed in this attempt, with their `failures`.

    If the function died in the round before (`died`), the items are processed one by one, each in a round of its own.
    The one of which it dies again has failed.
    """

    def __init__(self, event: ProcessorInput):
        self.event = event
        self.items = event["chunk"]["items"]
        self.failures = event.get("failures", [])
        # An execution that began before a deployment goes on with the definition that it began with.
        self.final_before = event.get("final") or {"items": [], "errors": []}
        self.pending = range(len(self.items) - len(self.failures))
        deaths, begun = event.get("died", {"count": 0})["count"], event.get("oneByOne", False)
        self.one_by_one = begun or deaths > 0
        # The death before the first round of this kind was not of one item.
        self.died_alone = deaths > (0 if begun else 1)
        self.found = Results()

    def work(self, run: Run) -> None:
        """Process what this round is for."""
        items = {index: unsealed(self.items[index]) for index in self.pending}
        if not self.one_by_one:
            self.found = run(items, set(self.event.get("suspects", [])))
        elif self.died_alone:
            self.found.failed[0] = f"{DIED_ALONE} ({error_in(self.event['error'])})"
            self.found.left += self.pending[1:]
        else:
            self.found = run({0: items[0]}, ())
            self.found.left += self.pending[1:]

    def answer(self) -> JsonObject:
        """The answer to the state machine: the input of the next round, and an `outcome`.

        DONE: no item is left. RETRY: try those that failed again after a wait. CONTINUE: this attempt goes on, with
        those that were not processed. FAILED: this was the last attempt, or another one would not help; `failures` has
        an error for each item. `final` are items that failed and are not tried again, with their errors.
        """
        event, found = self.event, self.found
        last = event["attempt"] >= event["batch"]["maxAttempts"]
        suspects = (found.suspects | set(event.get("suspects", []))) & set(found.left)
        progressed = bool(found.done or found.failed or suspects - set(event.get("suspects", [])))
        final = self._final()
        failed = [(index, found.failed[index]) for index in sorted(found.failed.keys() - found.permanent)]
        left = sorted(found.left)
        if left and progressed:
            order = [*left, *(index for index, _ in failed), *range(len(self.pending), len(self.items))]
            failures = [self._cut(error) for _, error in failed] + self.failures
            where = [place for place, index in enumerate(order) if index in suspects]
            more = {"failures": failures, "suspects": where, "oneByOne": self.one_by_one}
            return {**self._next(order, final, event["attempt"]), **more, "outcome": "CONTINUE"}
        failed += [(index, NEVER_TRIED) for index in left]
        order = [*(index for index, _ in failed), *range(len(self.pending), len(self.items))]
        if order and not last:
            where = [place for place, index in enumerate(order) if index in suspects]
            again = self._next(order, final, event["attempt"] + 1)
            return {**again, "suspects": where, "outcome": "RETRY"}
        if not order and not final["items"]:
            return {"outcome": "DONE", "seq": event["chunk"]["seq"]}
        failures = [self._cut(error) for _, error in failed] + self.failures
        return {**self._next(order, final, event["attempt"]), "failures": failures, "outcome": "FAILED"}

    def _next(self, order: list[int], final: Final, attempt: int) -> dict[str, Any]:
        chunk = {"seq": self.event["chunk"]["seq"], "items": [self.items[index] for index in order]}
        return {"batch": self.event["batch"], "chunk": chunk, "attempt": attempt, "died": {"count": 0}, "final": final}

    def _final(self) -> Final:
        """The items that are not tried again, those of this round too."""
        before, found = self.final_before, self.found
        permanent = sorted(found.permanent & found.failed.keys())
        return {
            "items": before["items"] + [self.items[index] for index in permanent],
            "errors": before["errors"] + [self._cut(found.failed[index]) for index in permanent],
        }

    def _cut(self, error: str) -> str:
        count = len(self.items) + len(self.final_before["items"])
        room = max(0, ERRORS_BYTES // count - 3)
        return cut(shortened(error, room), room)
