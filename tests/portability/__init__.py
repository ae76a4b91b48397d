"""Both stacks on MiniStack, another emulator of AWS: nothing of ours may lean on our own engine.

`make portability` runs it, in a minute. MiniStack knows nothing of LocalStack or of Rollcall, and runs natively.
"""
