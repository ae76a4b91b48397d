"""Faults on demand: a plan makes things go wrong here that go wrong on AWS now and then, and every one is counted.

`PUT /_rollcall/faults` sets a plan (see `plan`), `GET` shows it with its counts, `DELETE` ends it. The same seed makes
the same decisions for the n-th call of a kind. Without a plan each hook costs one attribute access.
"""
