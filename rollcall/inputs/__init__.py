"""Files of items on this machine, read by the rules of the batchers before anything runs."""
