"""One view of a batch for both architectures: start, observe, follow, bill."""
