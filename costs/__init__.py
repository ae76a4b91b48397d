"""The money: the cost and the duration of batches. Knows neither boto3 nor a terminal."""
