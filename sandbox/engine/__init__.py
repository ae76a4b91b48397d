"""The engine's side: its process, its port, and patches of LocalStack, each with a reason."""
