"""`/_rollcall/faults`: PUT a plan, GET it with its counts, DELETE it."""

import json
from typing import Any

from localstack.http import Response
from localstack.services.edge import ROUTER

from sandbox.faults import restarts
from sandbox.faults.active import FAULTS
from sandbox.faults.plan import BadPlan, read

PATH = "/_rollcall/faults"


def show(request: Any) -> Any:
    """The plan in force and what it did so far."""
    active = FAULTS.active
    return active.report() if active else {"seed": None, "faults": [], "injected": {}}


def replace(request: Any) -> Any:
    """Put the plan in the body in force, all counts at zero; 400 with a `message` if it is none."""
    try:
        plan = read(request.get_data())
    except BadPlan as error:
        return Response(json.dumps({"message": str(error)}), status=400, mimetype="application/json")
    if active := FAULTS.set(plan):
        restarts.begin(active)
    return show(request)


def clear(request: Any) -> Response:
    """End the plan in force."""
    FAULTS.set(None)
    return Response(status=204)


def install() -> None:
    """Serve `PATH`."""
    for method, serve in (("GET", show), ("PUT", replace), ("DELETE", clear)):
        ROUTER.add(PATH, serve, methods=[method])  # type: ignore[arg-type]
