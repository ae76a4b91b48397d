"""`/_rollcall/faults`: PUT a plan, GET it with its counts, DELETE it."""

import json
from typing import Any

from localstack.http import Resource, Response
from localstack.services.edge import ROUTER

from sandbox.faults import concurrency
from sandbox.faults.active import FAULTS
from sandbox.faults.plan import BadPlan, read
from sandbox.faults.queues import begin_restarts

PATH = "/_rollcall/faults"


class PlanResource:
    """Serves PATH."""

    def on_get(self, _request: Any) -> Any:
        """Answer with the plan in force and its counts."""
        active = FAULTS.active
        return active.report() if active else {"seed": None, "faults": [], "injected": {}}

    def on_put(self, request: Any) -> Any:
        """Put the plan in the body in force, all counts at zero; 400 with a `message` if it is no valid plan."""
        try:
            plan = read(request.get_data())
        except BadPlan as error:
            return Response(json.dumps({"message": str(error)}), status=400, mimetype="application/json")
        if active := FAULTS.set(plan):
            concurrency.follow(active)
            begin_restarts(active)
        return self.on_get(request)

    def on_delete(self, _request: Any) -> Response:
        """End the plan in force."""
        FAULTS.set(None)
        concurrency.follow(None)
        return Response(status=204)


def install() -> None:
    """Serve `PATH`."""
    ROUTER.add(Resource(PATH, PlanResource()))
