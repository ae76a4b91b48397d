"""One command, one file: its options and its body."""
