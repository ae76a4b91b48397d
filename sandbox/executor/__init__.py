"""Lambda environments as processes of the engine's machine."""
