"""What the model has tried, for the end of the test's output."""

REPORT: list[str] = []
