"""What goes into the functions' zip in the place of modules of handlers/."""

from pathlib import Path

HANDLERS = Path(__file__).resolve().parents[2] / "handlers"
WITNESS = Path(__file__).with_name("witness")
# Module of handlers/ -> what takes its place and finds it as <module>_itself.
WATCHED = {
    "aws/events": "events",
    "sqs/table/batch_table": "sqs_table",
    "sqs/processor": "sqs_processor",
    "sfn/store": "sfn_store",
    "sfn/processor": "sfn_processor",
}


def around_the_handlers() -> dict[str, Path]:
    """The overlay that puts the witness around Rollcall's own handlers."""
    overlay = {f"handlers/{module}.py": WITNESS / f"{watcher}.py" for module, watcher in WATCHED.items()}
    return overlay | {f"handlers/{module}_itself.py": HANDLERS / f"{module}.py" for module in WATCHED}


def witness(file: Path, folder: Path) -> dict[str, Path]:
    """The overlay of what every variant has: the work that is watched, and the log, written to `file`."""
    place = folder / "witness_file"
    place.write_text(str(file))
    file.touch()
    return {
        "handlers/work.py": WITNESS / "work.py",
        "handlers/witness.py": WITNESS / "log.py",
        "handlers/witness_file": place,
    }
