"""Work of which some items are bad, for tests of what the two processors make of it."""

from collections.abc import Collection, Mapping

from hypothesis import strategies as st

from handlers.core.run_items import Results

# good; fails at its first try alone, or always; fails and is not to be tried again; hangs; kills the whole function.
KINDS = ("good", "once", "always", "permanent", "hang", "kill")
CHUNKS = st.lists(st.sampled_from(KINDS), min_size=1, max_size=7)


class FunctionDied(BaseException):
    """The function's process is gone, with all that it knew."""


class Work:
    """`kinds` of items by index. It counts how often each was processed and returned or raised."""

    def __init__(self, kinds: list[str]):
        self.kinds = kinds
        self.calls = [0] * len(kinds)
        self.invocations = 0

    def run(self, items: Mapping[int, dict], alone: Collection[int] = ()) -> Results:
        """As handlers.worker.Worker.run, with time for one moment in which items hang."""
        found = Results()
        if any(self.kind(items[index]) == "kill" for index in items):
            raise FunctionDied
        together = [index for index in sorted(items) if index not in alone]
        hanging = [index for index in together if self.kind(items[index]) == "hang"]
        if hanging and len(together) > 1:
            # Of those under way nobody knows which one hangs. The others were through before.
            found.suspects = {*hanging, together[-1]}
            found.left += sorted({*found.suspects, *alone})
            found.suspects |= set(alone)
            together = [index for index in together if index not in found.suspects]
        elif hanging:
            found.failed[hanging[0]] = "it hangs"
            found.left += sorted(alone)
            together, found.suspects = [], set(alone)
        elif alone:
            first, *others = sorted(alone)
            together.append(first)
            found.left, found.suspects = others, set(others)
        for index in together:
            self.process(index, items[index], found)
        return found

    def kind(self, item: dict) -> str:
        return self.kinds[int(item["id"])]

    def process(self, index: int, item: dict, found: Results) -> None:
        kind, place = self.kind(item), int(item["id"])
        self.calls[place] += 1
        if kind == "good" or (kind == "once" and self.calls[place] > 1):
            found.done.append(index)
            return
        found.failed[index] = "it hangs" if kind == "hang" else f"it is {kind}"
        if kind == "permanent":
            found.permanent.add(index)

    def items(self) -> list[dict]:
        return [{"id": str(index)} for index in range(len(self.kinds))]

    def assert_only_the_bad_have_failed(self, errors: Mapping[str, str], attempts: int) -> None:
        """`errors` by item id: of each bad item, and of no other. Nothing was processed more often than it may be."""
        bad = {str(index) for index, kind in enumerate(self.kinds) if is_bad(kind, attempts)}
        assert errors.keys() == bad
        for index, kind in enumerate(self.kinds):
            if kind == "kill":
                assert "its function ended without a result" in errors[str(index)]
            elif kind == "hang":
                assert errors[str(index)] == "it hangs"
            elif kind in ("good", "permanent"):
                assert self.calls[index] == 1, (index, kind, self.calls)
            else:
                assert self.calls[index] <= attempts


def is_bad(kind: str, attempts: int) -> bool:
    return kind not in ("good", "once") or (kind == "once" and attempts == 1)
