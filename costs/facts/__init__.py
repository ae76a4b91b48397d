"""Prices, quotas and assumptions, each with its source, and one loader."""
