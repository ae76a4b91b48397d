"""Importing this ends Python's search for garbage, until `hooks` begins it again.

What the engine imports and loads at its start stays. Searching it again and again takes a quarter of that time.
"""

import gc

gc.disable()
