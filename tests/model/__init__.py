"""The SQS protocol's own code under every interleaving: real handlers, with AWS's services as values in memory."""
