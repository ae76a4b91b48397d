"""What Python programs work with, and the command line too: a sandbox with its stacks, and batches."""
