"""What a package's warden imports before it forks environments: the libraries that the package's own files import.

None of the package's own modules: they may read their environment's variables as they are imported. Of libraries those
of the standard library, of the runtime (boto3) and Powertools. They read few variables, which are in `READ_EARLY`.
"""

import importlib
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

POWERTOOLS = "aws_lambda_powertools"
# Importing these shows something.
LOUD = {"antigravity", "this", "idlelib", "tkinter", "turtle", "turtledemo"}
# Modules of awslambdaric that read no variable. Its `runtime_client` keeps the Runtime API's address as it is imported.
RUNTIME_MODULES = ("awslambdaric.lambda_runtime_log_utils", "awslambdaric.lambda_runtime_marshaller")
LIBRARIES = ("json", "logging", "traceback", "http.client")
# Read by the interpreter, the C library or a library as it starts: an environment with another value than its warden's
# is not forked.
READ_EARLY = re.compile(
    "PYTHON|LD_|LC_|LANG|MALLOC_|GLIBC_|OPENSSL_|POWERTOOLS_DE(BUG|V)$|AWS_EXECUTION_ENV$|AWS_LAMBDA_INITIALIZATION_"
)
IMPORT = re.compile(rb"^(?:from[ \t]+([\w.]+)[ \t]|import[ \t]+([\w., \t]+))", re.MULTILINE)
MOST_FILES = 1000


def preload(task_root: Path, layers: list[str], runtime: Path) -> bool:
    """Import what the package imports. False, and nothing is imported, if its own modules may stand in for some.

    `layers` are the folders of its layers' modules, which are on the path then as in an environment.
    """
    runtimes_own = _modules(runtime)
    stand_ins = _modules(task_root) & (runtimes_own | sys.stdlib_module_names)
    if stand_ins or any(_modules(Path(layer)) & sys.stdlib_module_names for layer in layers):
        return False
    sys.path[:0] = layers
    safe = (sys.stdlib_module_names | runtimes_own | {POWERTOOLS}) - LOUD
    for name in (*LIBRARIES, *RUNTIME_MODULES, *sorted(_imported(task_root))):
        if name.partition(".")[0] in safe:
            try:
                importlib.import_module(name)
            except Exception:  # noqa: BLE001, S112  the function itself gets the error, if it imports this at all
                continue
    return True


def same_start(environment: Mapping[str, str]) -> bool:
    """Whether a process with these variables would have begun as this one has."""
    names = {name for name in {*environment, *os.environ} if READ_EARLY.match(name)}
    return all(environment.get(name) == os.environ.get(name) for name in names)


def _imported(folder: Path) -> set[str]:
    """The modules that the files below a folder import at the beginning of a line."""
    names: set[str] = set()
    for _, path in zip(range(MOST_FILES), folder.rglob("*.py"), strict=False):
        for one, several in IMPORT.findall(path.read_bytes()):
            names |= {words[0].decode() for each in (one or several).split(b",") if (words := each.split())}
    return names


def _modules(folder: Path) -> set[str]:
    """The modules and packages in a folder, which may not exist."""
    return {entry.name.partition(".")[0] for entry in folder.iterdir()} if folder.is_dir() else set()
