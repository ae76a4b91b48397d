"""Measurements on an engine of their own, side by side in one run: `python -m bench`."""
