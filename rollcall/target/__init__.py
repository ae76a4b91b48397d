"""The sandbox or AWS account that a command works on."""
