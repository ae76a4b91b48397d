"""What the console looks at: the latest batches, one batch, the money, the clock; each look shared by all viewers."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from bootstrap.problem import Problem
from costs.bill import Bill
from costs.facts.prices import PriceBook
from costs.format import dollars
from handlers.core.batch import BATCH_ID, BATCH_ID_WORDS
from rollcall.batches.batch import OneBatch, Result
from rollcall.batches.bill import metered_bill
from rollcall.batches.find import batches_of, deployed
from rollcall.batches.sight import Key, SeenBatches, Sight
from rollcall.console.history import History
from rollcall.console.looks import Look, Looks, Pace
from rollcall.console.spending import Spending
from rollcall.target.clock_client import Clock, fetch_clock
from rollcall.target.connection import Connection
from rollcall.target.meter_client import fetch_meter

SANDBOX_PACE = Pace(1.0)
AWS_PACE = Pace(15.0, backs_off=True)
PAGE = 100
# A look at an account takes some calls for each batch.
PAGE_ON_AWS = 25
# Without a viewer the history of running batches goes on, with a look now and then.
UNSEEN_SECONDS = 5.0
BILL_SLOWER = 5.0
# A page waits so long for what has never been looked at: a new console, or one of a slow machine, fills its list up.
PATIENCE_SECONDS = 2.0
# The finalizer and its log lines are metered a moment after the end.
SETTLED_MS = 15_000


@dataclass(frozen=True)
class Overview:
    """The latest batches, newest first; `complete` unless a later look reads the rest."""

    at: int
    sights: tuple[Sight, ...]
    complete: bool = True


class Watch:
    """Looks for the pages. Its methods may be called from any thread; each returns a Look, whose value may be old."""

    def __init__(self, connection: Connection, pace: Pace | None = None) -> None:
        self.connection = connection
        self.aws = connection.endpoint is None
        self.looks = Looks(pace or (AWS_PACE if self.aws else SANDBOX_PACE))
        self.history = History()
        # A sandbox's looks are free.
        self.spending = Spending(connection.session) if self.aws else None
        self._ended: dict[Key, Sight] = {}
        self._bills: dict[Key, Bill | None] = {}
        self.book = PriceBook.load()
        self._batches: dict[str, SeenBatches] = {}
        self._stop = threading.Event()

    # ------------------------------------------------------------------------------------------- batches
    def batches(self, architecture: str) -> SeenBatches:
        """The batches of an architecture. Raises Problem if its stack is not deployed."""
        if architecture not in self._batches:
            self._batches[architecture] = batches_of(self.connection, architecture)
        return self._batches[architecture]

    @property
    def page_size(self) -> int:
        """The most batches that a page shows of each architecture."""
        return PAGE_ON_AWS if self.aws else PAGE

    def overview(self, page: int = 1) -> Look:
        """The Overview of the latest batches, up to those of this page."""
        return self.looks.at(("overview", page), lambda: self._see_overview(page))

    def batch(self, key: Key) -> Look:
        """The Sight of one generation; its value is None if there is no such batch."""
        return self.looks.at(key, lambda: self._see(key))

    def latest(self, architecture: str, batch_id: str) -> int | None:
        """The batch's latest generation; None if there is no such batch."""
        look = self.looks.at(
            ("latest", architecture, batch_id), lambda: self.batches(architecture).latest_generation(batch_id)
        )
        found: int | None = look.value
        return found

    def one(self, key: Key) -> OneBatch:
        """The batch, for what is read of it once."""
        return OneBatch(self.batches(key.architecture), key.batch_id, key.generation)

    def _see_overview(self, page: int) -> Overview:
        if not self._batches:
            self._batches = {batches.architecture: batches for batches in deployed(self.connection)}
        until = time.monotonic() + PATIENCE_SECONDS
        lists = (
            [Key(architecture, *listed) for listed in batches.listed(page * self.page_size)]
            for architecture, batches in self._batches.items()
        )
        sights: list[Sight] = []
        complete = True
        for key in (key for keys in zip_longest(*lists) for key in keys if key):
            if key not in self._ended and sights and time.monotonic() > until:
                complete = False
                continue
            # A batch that a page of its own has just looked at is not looked at again.
            if sight := self._ended.get(key) or self.batch(key).value:
                sights.append(sight)
        sights.sort(key=lambda sight: sight.started_at or 0, reverse=True)
        return Overview(max((sight.at for sight in sights), default=0), tuple(sights), complete)

    def _see(self, key: Key) -> Sight | None:
        if key in self._ended:
            return self._ended[key]
        sight = self.batches(key.architecture).sight(key.batch_id, key.generation)
        if sight:
            self.history.add(sight)
            if sight.result:
                self._ended[key] = sight
        return sight

    # ------------------------------------------------------------------------------------------- money
    def knows_bill(self, key: Key) -> bool:
        """Whether the batch's bill has been made before."""
        return key in self._bills or self.looks.has(("bill", key))

    def bill(self, key: Key) -> Look:
        """The Bill so far of all the batch's generations; its value is None if nothing counts it, as on AWS."""
        if key in self._bills:
            return Look(self._bills[key], 0.0)
        return self.looks.at(("bill", key), lambda: self._see_bill(key), BILL_SLOWER)

    def _see_bill(self, key: Key) -> Bill | None:
        sight = self._see(key)
        if sight is None or not self.connection.endpoint:
            return None
        first = sight.result if key.generation == 1 else self.one(key._replace(generation=1)).observe()
        started_at = first.started_at if isinstance(first, Result) else None
        ended = sight.result or Result(
            key.batch_id, key.architecture, "OPEN", key.generation, sight.counts.known or None, started_at=started_at
        )
        answer = fetch_meter(self.connection.endpoint, key.batch_id)
        bill = metered_bill(self.connection, answer, ended, self.book, ended.items, started_at)
        if sight.finished_at and self.now_ms() - sight.finished_at > SETTLED_MS:
            self._bills[key] = bill
        return bill

    # ------------------------------------------------------------------------------------------- the place
    def clock(self) -> Clock | None:
        """The sandbox's clock; None on AWS, and where the engine has none or does not answer."""
        endpoint = self.connection.endpoint
        if not endpoint:
            return None
        clock: Clock | None = self.looks.at("clock", lambda: fetch_clock(endpoint)).value
        return clock

    def now_ms(self) -> int:
        """The time there."""
        return round(self.connection.now().timestamp() * 1000)

    def every(self, name: str, see: Callable[[], Any], slower: float = 1.0) -> Look:
        """A look of a page's own, shared by all who view that page."""
        return self.looks.at(("page", name), see, slower)

    def looking_costs(self) -> str | None:
        """What looking costs on AWS, in words; None in a sandbox, where it is free."""
        if not self.spending:
            return None
        return f"{self.spending.calls:,} calls so far, {dollars(self.spending.an_hour(self.book))} an hour"

    # ------------------------------------------------------------------------------------------- unseen
    def keep_history(self) -> None:
        """Look now and then, until `stop`. Not on AWS, where looks cost money."""
        while not self._stop.wait(UNSEEN_SECONDS):
            self.overview()

    def stop(self) -> None:
        """End `keep_history`."""
        self._stop.set()


def refuse_no_batch(architecture: str, batch_id: str) -> None:
    """Raise Problem for what cannot be a batch: an id stands in command lines and in the name of a file."""
    refuse_other_architecture(architecture)
    if not BATCH_ID.fullmatch(batch_id):
        raise Problem(f"{batch_id!r} is no batch's id: an id has {BATCH_ID_WORDS}")


def refuse_other_architecture(architecture: str) -> None:
    """Raise Problem for a name that is no architecture's."""
    if architecture not in ("sqs", "sfn"):
        raise Problem(f"{architecture!r} is no architecture: sqs or sfn")
