"""What Rollcall's SQS architecture is measured against: one state item per item, as the specification says."""
