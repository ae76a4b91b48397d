"""`/_rollcall/meter`: GET what was used and is stored, or what a batch used (`?batch=ID`); DELETE to begin at zero."""

from typing import Any

from localstack.http import Response
from localstack.services.edge import ROUTER

from sandbox.meter import storage
from sandbox.meter.cloudwatch import METRICS
from sandbox.meter.ledger import LEDGER

PATH = "/_rollcall/meter"


def show(request: Any) -> Any:
    """Sums since the start or the last reset; without a batch, what is stored now too. Metrics are of all batches."""
    batch = request.args.get("batch")
    answer = {
        "since": LEDGER.since.isoformat(timespec="milliseconds"),
        "rows": LEDGER.rows(batch),
        "metrics": METRICS.report(),
    }
    return answer if batch is not None else answer | {"storage": storage.report()}


def reset(request: Any) -> Response:
    """Begin at zero."""
    LEDGER.reset()
    METRICS.reset()
    return Response(status=204)


def install() -> None:
    """Serve `PATH`."""
    for method, serve in (("GET", show), ("DELETE", reset)):
        ROUTER.add(PATH, serve, methods=[method])  # type: ignore[arg-type]
