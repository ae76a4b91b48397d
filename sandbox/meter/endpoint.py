"""`/_rollcall/meter`: GET the sums and the storage, or a batch's sums (`?batch=ID`); DELETE sets the sums to zero."""

from typing import Any

from localstack.http import Resource, Response
from localstack.services.edge import ROUTER

from sandbox.meter import storage
from sandbox.meter.cloudwatch import METRICS
from sandbox.meter.ledger import LEDGER

PATH = "/_rollcall/meter"


class MeterResource:
    """Serves PATH."""

    def on_get(self, request: Any) -> Any:
        """Answer with the sums since the start or the last reset; without a batch, with the storage too.

        Metrics are those of all batches.
        """
        batch = request.args.get("batch")
        answer = {
            "since": LEDGER.since.isoformat(timespec="milliseconds"),
            "rows": LEDGER.rows(batch),
            "metrics": METRICS.report(),
        }
        return answer if batch is not None else answer | {"storage": storage.report()}

    def on_delete(self, _request: Any) -> Response:
        """Set the sums to zero."""
        LEDGER.reset()
        METRICS.reset()
        return Response(status=204)


def install() -> None:
    """Serve `PATH`."""
    ROUTER.add(Resource(PATH, MeterResource()))
