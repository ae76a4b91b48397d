"""The console: pages about batches, served on 127.0.0.1 beside the command line and with its data."""
