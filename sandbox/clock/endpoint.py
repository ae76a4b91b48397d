"""`/_rollcall/clock`: GET; POST `{"advanceSeconds": 60}`, which DELETE ends; PUT `{"skip": true}`."""

import json
import time
from typing import Any

from localstack.http import Resource, Response
from localstack.services.edge import ROUTER

from sandbox.clock.clock import CLOCK, iso
from sandbox.clock.stillness import RUNNING

PATH = "/_rollcall/clock"
MAX_BYTES = 1000
LONGEST_SECONDS = 10 * 366 * 86_400


class ClockResource:
    """Serves PATH."""

    def on_get(self, _request: Any) -> Any:
        """Answer with the clock, what is due next, and the last jumps."""
        until, due, running = CLOCK.until, CLOCK.next_due(), RUNNING.names()
        advancing = until and {"until": iso(until), "waitingFor": sorted(running.keys() - CLOCK.apart_from)}
        return {
            "now": iso(time.time()),
            "offsetSeconds": round(CLOCK.offset_seconds, 3),
            "skip": CLOCK.skip,
            "standsStill": CLOCK.stands_still,
            "running": dict(running),
            "advancing": advancing,
            "next": None if due is None else {"at": iso(due.at), "what": due.what},
            "jumps": [{"from": iso(jump.start), "to": iso(jump.end), "what": jump.what} for jump in list(CLOCK.jumps)],
        }

    def on_post(self, request: Any) -> Any:
        """Begin to advance: 202, 409 while an advance is under way, or 400."""
        seconds = _field(request, "advanceSeconds")
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds <= LONGEST_SECONDS:
            return _refused(400, f"advanceSeconds is a number above 0, at most {LONGEST_SECONDS} (ten years)")
        if not CLOCK.advance(seconds):
            return _refused(409, f"the clock is advancing already, to {iso(CLOCK.until or time.time())}")
        return Response(json.dumps(self.on_get(request)), status=202, mimetype="application/json")

    def on_delete(self, request: Any) -> Any:
        """End the advance where it is."""
        CLOCK.stop()
        return self.on_get(request)

    def on_put(self, request: Any) -> Any:
        """Switch `skip` on or off; 400 for anything else."""
        skip = _field(request, "skip")
        if not isinstance(skip, bool):
            return _refused(400, "skip is true or false")
        CLOCK.skip = skip
        return self.on_get(request)


def _field(request: Any, name: str) -> Any:
    """The value of the body's one field; None if the body is anything else."""
    text = request.get_data()
    try:
        body = json.loads(text) if len(text) <= MAX_BYTES else None
    except ValueError:
        return None
    return body[name] if isinstance(body, dict) and set(body) == {name} else None


def _refused(status: int, message: str) -> Response:
    return Response(json.dumps({"message": message}), status=status, mimetype="application/json")


def install() -> None:
    """Serve PATH, and let the clock follow its orders."""
    CLOCK.start()
    ROUTER.add(Resource(PATH, ClockResource()))
