"""The code that README prints, as the files that it stands for."""

import re

from sandbox.state import REPOSITORY

CODE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# A file begins with a comment that names it: `# work.py: return when it is done`.
FILE = re.compile(r"^(?=# \w+\.py: )", re.MULTILINE)


def readme_files() -> dict[str, str]:
    """Name -> content of each file that README's Python code is, exactly as printed."""
    code = CODE.findall((REPOSITORY / "README.md").read_text())
    parts = [part for block in code for part in FILE.split(block) if part.strip()]
    return {part.split(":")[0].removeprefix("# "): part for part in parts}
