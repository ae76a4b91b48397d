"""The command line: starts the sandbox, runs batches through both architectures, and shows their end."""
