"""What the same items cost through Rollcall's architectures and through three obvious ways: `python -m bench.cost`."""
