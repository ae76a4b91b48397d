"""The engine's side: its process, its front door, and one-file patches of LocalStack."""
