"""MiniStack, another emulator of AWS, driven so that it runs Rollcall's own stacks."""
