"""What a batch will cost and how long it will take, before it runs."""
