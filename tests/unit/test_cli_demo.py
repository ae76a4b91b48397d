"""`rollcall demo`: what the meter counted, summed for the table."""

from rollcall.commands.demo import total

ROWS = [
    {"unit": "lambda.requests", "quantity": 2},
    {"unit": "lambda.gb_seconds.arm64", "quantity": 0.5},
    {"unit": "lambda.gb_seconds.arm64", "quantity": 0.75},
    {"unit": "lambda.init_gb_seconds", "quantity": 0.25},
]


def test_units_add_up() -> None:
    assert total(ROWS, "lambda.gb_seconds.") == 1.25
    assert total(ROWS, "lambda.cold_starts") == 0


def test_without_rows_nothing_is_known() -> None:
    assert total([], "lambda.requests") is None
