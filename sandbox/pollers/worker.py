"""The life of one SQS event source mapping: its state, the loop that receives, the batches that run."""

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError
from localstack.aws.api.lambda_ import EventSourceMappingConfiguration
from localstack.services.lambda_.event_source_mapping.esm_worker import EsmState, EsmStateReason, EsmWorker

from sandbox.clock import timers
from sandbox.clock.stillness import RUNNING
from sandbox.pollers.hands import Hand
from sandbox.pollers.mapping import Message, QueueMapping
from sandbox.pollers.pace import Backoff, Slots

LOG = logging.getLogger(__name__)

_IDLE_SECONDS = 1.0
"""How long an idle loop waits before it checks whether its queue was replaced by a new one. A message wakes it."""

_mappings: defaultdict[str, Slots] = defaultdict(Slots)


def workers() -> "list[QueueWorker]":
    """The worker of every mapping."""
    return [slots.owner for slots in list(_mappings.values()) if slots.owner is not None]


class QueueWorker(EsmWorker):
    """Runs up to `mapping.concurrency` batches at once. One thread receives; each batch has a thread while it runs.

    That goes on with what the queue has then: to hand a batch from thread to thread costs a busy engine more than to
    receive it.

    The state `Disabled` means that no batch runs any more. A deleted mapping disappears when its last batch has ended.
    An update replaces the worker by a new one, which starts to receive when the old one's loop has ended. A batch's
    thread may be in the middle of a receive then, whose messages the old one processes.
    """

    def __init__(self, settings: EventSourceMappingConfiguration, mapping: QueueMapping, enabled: bool) -> None:
        super().__init__(settings, mapping, enabled, EsmStateReason.USER_INITIATED)  # type: ignore[arg-type]
        self._mapping = mapping
        self.queue_arn = mapping.queue_arn
        self._ended = True
        name = mapping.queue_arn.rpartition(":")[2]
        self.batch = f"batch of {name}"
        """What its batches are called while they run."""
        self._retry = f"the poller of {name} tries again"
        self._interrupted = threading.Event()
        self._listens = False
        self._receiving, self._processing = Backoff(), Backoff()
        self._slots = _mappings[self.uuid]
        self._predecessor: QueueWorker | None = self._slots.owner
        self._updating = self._predecessor is not None and self._predecessor.enabled
        self._slots.hand_over(self)
        self._thread = threading.Thread(target=self._run, name=f"mapping-{self.uuid}", daemon=True)

    def create(self) -> None:
        """Start: the state goes from `Creating`, `Updating` or `Enabling` to `Enabled`; if disabled, to `Disabled`."""
        if not self.enabled:
            state = EsmState.DISABLING if self._updating else EsmState.DISABLED
        elif self._predecessor is None:
            state = EsmState.CREATING
        else:
            state = EsmState.UPDATING if self._updating else EsmState.ENABLING
        self._set_state(state)
        self._ended = False
        self._thread.start()

    def stop(self) -> None:
        """Stop receiving; batches that run go on to their end."""
        with self._state_lock:
            self.enabled = False
            self._set_state(EsmState.DISABLING)
        self._interrupt()

    def delete(self) -> None:
        """Stop receiving, and remove the mapping when the last batch has ended."""
        with self._state_lock:
            self._set_state(EsmState.DELETING)
            if self._ended:
                self._forget()
        self._interrupt()

    def stop_for_shutdown(self) -> None:
        """Stop receiving and keep the state: the engine stops."""
        super().stop_for_shutdown()
        self._interrupt()

    def _interrupt(self) -> None:
        self._shutdown_event.set()
        self.restart()

    def restart(self) -> None:
        """Stop receiving, and start anew unless the worker stops; batches that run go on, the state stays as it is."""
        self._interrupted.set()
        self._slots.wake()
        self._mapping.arrivals.wake()

    def _run(self) -> None:
        if self._predecessor and self._predecessor._thread.is_alive():
            self._predecessor._thread.join()
        self._predecessor = None
        if self.enabled:
            with self._state_lock:
                if not self._shutdown_event.is_set():
                    self._set_state(EsmState.ENABLED)
            while not self._shutdown_event.is_set():
                self._receive_until_interrupted()
        self._slots.wait_until_drained(lambda: self._replaced or self._graceful_shutdown_triggered)
        with self._state_lock:
            if self._replaced or self._graceful_shutdown_triggered:
                return
            self._ended = True
            if self.current_state == EsmState.DELETING:
                self._forget()
            else:
                self._set_state(EsmState.DISABLED)

    @property
    def _replaced(self) -> bool:
        return self._slots.owner is not self

    def _receive_until_interrupted(self) -> None:
        stopped = self._interrupted = timers.Event(self._retry)
        if self._shutdown_event.is_set():  # just before: that set the event of the last call
            return
        self._receiving = Backoff()
        visibility = 0.0
        self._listens = True
        while self._slots.take(self._mapping.concurrency, stopped):
            messages: list[Message] = []
            hand = Hand(self.batch)
            with self._attempt(self._receiving, "receive"):
                visibility = visibility or self._mapping.visibility_seconds()
                if self._mapping.arrivals.wait(stopped, _IDLE_SECONDS):
                    RUNNING.add(hand)
                    received = time.monotonic()
                    messages = self._mapping.receive(hand, stopped)
            self._listens = False
            if messages:
                arguments = messages, received, visibility, hand, stopped
                threading.Thread(target=self._process, args=arguments, name=f"batch-{self.uuid}", daemon=True).start()
                stopped.wait(self._processing.seconds)
            else:
                self._end(hand)
                stopped.wait(self._receiving.seconds)
            self._listens = True
        self._listens = False

    def _process(
        self, messages: list[Message], received: float, visibility: float, hand: Hand, stopped: threading.Event
    ) -> None:
        try:
            while messages:
                with self._attempt(self._processing, "process"):
                    self._mapping.process(messages, received + visibility, self._shutdown_event)
                messages, received = [], time.monotonic()
                if self._goes_on(stopped):
                    # The loop meets an error, too, and pauses: this one is not another in a row.
                    with self._attempt(Backoff(), "receive"):
                        messages = self._mapping.receive(hand, stopped)
        finally:
            self._end(hand)

    def _end(self, hand: Hand) -> None:
        hand.let_go()
        self._slots.give_back()
        RUNNING.remove(hand)

    def _goes_on(self, stopped: threading.Event) -> bool:
        """Whether a batch's thread is to receive the next one: there is a message, and no reason to pause.

        A batching window is the loop's, of which `has_work` knows.
        """
        pauses = self._receiving.seconds or self._processing.seconds or self._mapping.window_seconds
        return not (pauses or stopped.is_set()) and self._mapping.arrivals.visible()

    def has_work(self) -> bool:
        """Whether it is about to receive a message."""
        return self._listens and self._mapping.arrivals.visible()

    @contextmanager
    def _attempt(self, backoff: Backoff, verb: str) -> Iterator[None]:
        """Log an AWS error, and make the loop pause after it, longer for each one in a row.

        The queue or the function may not exist any more.
        """
        try:
            yield
            backoff.succeeded()
        except (ClientError, BotoCoreError) as error:
            backoff.failed()
            if not self._graceful_shutdown_triggered:
                LOG.warning("%s -> %s: cannot %s: %s", self.queue_arn, self._mapping.function_arn, verb, error)

    def _set_state(self, state: EsmState) -> None:
        self.current_state = state
        self.state_transition_reason = self.user_state_reason
        if not self._replaced and self.uuid in self._state.event_source_mappings:
            self.update_esm_state_in_store(state)

    def _forget(self) -> None:
        self.delete_esm_in_store()
        _mappings.pop(self.uuid, None)
