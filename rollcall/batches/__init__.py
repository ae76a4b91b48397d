"""Starts, observes and bills batches, with the same functions for both architectures."""
