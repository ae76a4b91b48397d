"""The baselines for Rollcall's SQS architecture: one state item per item, as the specification says."""
