"""The cost and the duration of a batch, before it runs."""
