"""What a command works on: the sandbox or an AWS account."""
