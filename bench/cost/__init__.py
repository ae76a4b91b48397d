"""The cost of the same items through Rollcall's architectures and three obvious ways: `python -m bench.cost`."""
