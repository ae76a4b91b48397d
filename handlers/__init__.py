"""The code that runs in Lambda. `work.py` and `source.py` are yours to change; the rest is the batch protocol."""
