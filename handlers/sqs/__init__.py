"""The architecture on SQS, DynamoDB and EventBridge."""
