"""Pure rules of batches, chunks and items: no boto3, no I/O."""
