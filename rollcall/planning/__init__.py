"""What a batch of any size will cost on AWS, and how long it will take, computed before anything runs."""
