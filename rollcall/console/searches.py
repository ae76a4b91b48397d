"""The searches for the cheapest settings that pages asked for: one at a time, each remembered with how far it is."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from costs.tune.search import SearchRequest
from costs.tune.study import Study, study
from rollcall.terminal.errors import EXPECTED, explained

KEPT = 10


@dataclass
class Search:
    """A search: the stages that it `said`, and its result, or the error and the hint that it ended with."""

    said: list[str] = field(default_factory=list)
    study: Study | None = None
    error: tuple[str, str | None] | None = None

    @property
    def ended(self) -> bool:
        """Whether it has ended."""
        return self.study is not None or self.error is not None


class Searches:
    """Runs searches in the background, one at a time: each takes a core for seconds, which a sandbox's engine needs."""

    def __init__(self) -> None:
        self._searches: OrderedDict[Hashable, Search] = OrderedDict()
        self._lock, self._one = threading.Lock(), threading.Lock()

    def at(self, key: Hashable, request: Callable[[Callable[[str], None]], SearchRequest]) -> Search:
        """The search of this key, begun if it is new. `request` makes it, with what is to be called at each stage."""
        with self._lock:
            if key in self._searches:
                return self._searches[key]
            search = self._searches[key] = Search()
            while len(self._searches) > KEPT:
                self._searches.popitem(last=False)
        threading.Thread(target=self._run, args=(search, request(search.said.append)), daemon=True).start()
        return search

    def _run(self, search: Search, request: SearchRequest) -> None:
        with self._one:
            try:
                search.study = study(request)
            except EXPECTED as error:
                search.error = explained(error)
