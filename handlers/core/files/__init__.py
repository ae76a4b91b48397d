"""Reads an input file, however hostile, into items, or says why it cannot."""
