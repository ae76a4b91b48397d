"""Whole batches on the real engine under seeded faults, watched by a witness and judged by a checker."""
