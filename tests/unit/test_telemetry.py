"""Our own lines: written whatever else goes wrong, and never the reason why a batch fails."""

from handlers.aws import telemetry


def test_a_line_that_cannot_be_written_costs_nothing(monkeypatch):
    monkeypatch.setattr(telemetry.output, "_file", -1)
    telemetry.logger.info("lost")
    telemetry.put_counts(ItemsProcessed=1)
    try:
        raise ValueError("told")
    except ValueError:
        telemetry.logger.exception("lost", item=object())
    telemetry.log_finished({"message": "a field of that name", "batchId": "b"})
