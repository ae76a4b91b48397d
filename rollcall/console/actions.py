"""What the console does: it runs commands of Rollcall's, each of which it shows."""

import subprocess
import sys
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from shlex import join

from bootstrap.problem import Problem
from rollcall.target.target import Target

KEPT = 50
# A page waits so long for the command that it has begun. The command goes on, and the page shows how it ends.
PATIENCE_SECONDS = 20.0
MOST_CHARACTERS = 20_000


@dataclass
class Action:
    """A command line that was run. `code` is None while it runs."""

    id: str
    command: str
    said: str = ""
    code: int | None = None

    @property
    def state(self) -> str:
        """How it stands, in a word."""
        return "runs" if self.code is None else "done" if self.code == 0 else "refused"


class Actions:
    """Runs command lines, and remembers the latest. `allowed`: whether it may run any."""

    def __init__(self, target: Target, allowed: bool) -> None:
        self.allowed = allowed
        self._target = target
        self._actions: OrderedDict[str, Action] = OrderedDict()

    def command(self, words: Sequence[str]) -> str:
        """The command line for people, with the options of the target."""
        return self._target.command(join(words))

    def find(self, id: str) -> Action | None:
        """An action by its id."""
        return self._actions.get(id)

    def run(
        self,
        words: Sequence[str],
        stdin: str = "",
        shown: Sequence[str] | None = None,
        patience: float | None = PATIENCE_SECONDS,
    ) -> Action:
        """Run `rollcall *words`, and wait `patience` seconds at most for its end. Raises Problem if it may not act.

        `shown` are the words for people, where they are others.
        """
        if not self.allowed:
            raise Problem("this console only reads", "start it with `rollcall console --aws --write` to act")
        action = Action(uuid.uuid4().hex, self.command(shown or words))
        self._actions[action.id] = action
        while len(self._actions) > KEPT:
            self._actions.popitem(last=False)
        thread = threading.Thread(target=self._run, args=(action, words, stdin), daemon=True)
        thread.start()
        thread.join(patience)
        return action

    def _run(self, action: Action, words: Sequence[str], stdin: str) -> None:
        began = time.monotonic()
        # The options stand behind a command's words, so that a group's own command gets them.
        command = [sys.executable, "-m", "rollcall", *words, *self._target.options()]
        ended = subprocess.run(
            command,
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        said = ended.stdout.strip()
        action.said = said[-MOST_CHARACTERS:] or f"done in {time.monotonic() - began:.1f} s"
        action.code = ended.returncode
