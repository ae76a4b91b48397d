"""The sandbox: LocalStack, changed to behave as AWS does where the stacks depend on it."""
