"""Lets the tests import work.py and source.py as the functions do."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
