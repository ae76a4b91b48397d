"""Runs in a process of its own: imports the modules of the work as a function does, and says what went wrong.

Arguments: the file for the answer, the folder of the functions' code, then the folders of their other modules.
"""

import importlib
import json
import sys
import traceback
from pathlib import Path


def main(answer: str, root: str, *others: str) -> None:
    """Import what there is of `work` and `source`; write the first mistake as JSON, or nothing."""
    sys.path[:0] = [root, *others]
    for name in ("work", "source"):
        if (Path(root) / f"{name}.py").exists():
            try:
                check(name)
            except BaseException as error:  # noqa: BLE001 - whatever the user's code raises
                Path(answer).write_text(json.dumps({"module": name} | told(error, root)))
                return


def check(name: str) -> None:
    """Import one module. Raises TypeError, or handlers.core.sources.BadSource, if it has not the functions it must."""
    module = importlib.import_module(name)
    if name == "source":
        # Only with a source of the user's: what it imports takes time.
        from handlers.core.sources import Source, source_of

        source_of(module, Source(None, None))  # type: ignore[arg-type]  # no input is read here
    elif not any(callable(getattr(module, function, None)) for function in ("process", "process_chunk")):
        raise TypeError("work.py has neither process(item) nor process_chunk(items)")


def told(error: BaseException, root: str) -> dict[str, object]:
    """What an exception says, and the last place in the folder `root` where it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    inside = [(frame.filename, frame.lineno) for frame in frames if frame.filename.startswith(f"{root}/")]
    if isinstance(error, SyntaxError) and str(error.filename).startswith(f"{root}/"):
        inside.append((str(error.filename), error.lineno))
    inside = [(name, line) for name, line in inside if not name.startswith(f"{root}/handlers/")]
    file, line = inside[-1] if inside else (None, None)
    message = error.msg if isinstance(error, SyntaxError) else str(error)
    return {
        "error": f"{type(error).__name__}: {message}" if message else type(error).__name__,
        "of": type(error).__module__,
        "file": file and Path(file).relative_to(root).as_posix(),
        "line": line,
        "missing": error.name if isinstance(error, ModuleNotFoundError) else None,
        "unset": error.args[0] if isinstance(error, KeyError) and frames[-1].name == "__getitem__" else None,
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
