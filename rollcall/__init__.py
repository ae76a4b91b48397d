"""The operator's command line: start the sandbox, run batches through both architectures, and watch them finish."""
