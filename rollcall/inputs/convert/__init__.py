"""Turns tables and exports into JSON Lines, which a batch reads."""
