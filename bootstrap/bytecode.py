"""Bytecode for the zips of functions and layers.

Where code is read-only, as on AWS, every cold start would compile it again.
"""

import importlib.util
import marshal
import sys
from functools import cache
from pathlib import PurePosixPath

# PEP 552: Python takes the bytecode as it is and does not look at the source, which cannot change in a function.
UNCHECKED = (0b01).to_bytes(4, "little")
# Later versions also write which objects this process happens to share, so the same code would give other bytes.
MARSHAL_VERSION = 2


@cache
def bytecode(path: str, source: bytes) -> dict[str, bytes]:
    """The bytecode of the Python file `path` of the zip, by its place there; none of a file that is no Python.

    It is that of the Python that runs this, which is Lambda's: pyproject.toml allows no other.
    """
    try:
        code = compile(source, path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return {}  # the function that imports it says what is wrong
    file = PurePosixPath(path)
    place = file.parent / "__pycache__" / f"{file.stem}.{sys.implementation.cache_tag}.pyc"
    head = importlib.util.MAGIC_NUMBER + UNCHECKED + importlib.util.source_hash(source)
    return {place.as_posix(): head + marshal.dumps(code, MARSHAL_VERSION)}
