"""The commands. Each file has the options and the body of one command."""
