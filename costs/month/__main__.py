"""`python -m costs.month` prints the tables of the month; with `--write` it puts them into the documents.

In a document a table stands between the lines `<!-- month: NAME -->` and `<!-- end -->`. The figures follow from the
price book, the templates and the plan: make them anew when one of these has changed.
"""

import sys
from pathlib import Path

from costs.month.tables import BEGIN, lines_of, tables

REPOSITORY = Path(__file__).parents[2]
DOCUMENTS = (REPOSITORY / "README.md", REPOSITORY / "docs/costs.md")


def main() -> None:
    """Print the tables, or write them."""
    if sys.argv[1:] not in ([], ["--write"]):
        sys.exit(f"error: unknown words {' '.join(sys.argv[1:])!r}; expected nothing, or --write")
    if not sys.argv[1:]:
        print("\n\n".join(f"{BEGIN}{name} -->\n{text}" for name, text in tables().items()))
        return
    for document in DOCUMENTS:
        document.write_text("\n".join(lines_of(document.read_text())) + "\n")


if __name__ == "__main__":
    main()
