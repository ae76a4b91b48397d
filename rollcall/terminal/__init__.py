"""What every command prints with, and the options that commands share."""
