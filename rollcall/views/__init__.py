"""Shows results on a terminal."""
