"""The architecture on a Step Functions Distributed Map."""
