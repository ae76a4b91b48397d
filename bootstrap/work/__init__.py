"""The work folder: your code, and all that a deployment needs to know of it."""
