"""The host's side: find, start and stop an engine, natively or in Docker."""
