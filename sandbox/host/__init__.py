"""The host's side: finds, starts and stops an engine, natively or in Docker."""
