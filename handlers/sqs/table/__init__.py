"""The table of batches: every read and write of the protocol, each with its condition. Nothing else knows DynamoDB.

A condition decides, never a read before a write. So every operation may be repeated, and of two that compete one wins.
"""

from handlers.sqs.table.base import FOREVER, REDRIVE_WITHIN_SECONDS, TableUnavailable
from handlers.sqs.table.batch_table import GLIMPSED_SEGMENTS, BatchTable

__all__ = ["FOREVER", "GLIMPSED_SEGMENTS", "REDRIVE_WITHIN_SECONDS", "BatchTable", "TableUnavailable"]
