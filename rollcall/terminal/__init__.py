"""The consoles that commands print to, and the options that they share."""
