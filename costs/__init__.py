"""The money: what a batch costs and how long it takes. Knows neither boto3 nor a terminal."""
