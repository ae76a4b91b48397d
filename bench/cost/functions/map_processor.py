"""Processor: processes the one item of its child execution."""

from work import Work


def handler(event, context):
    """`event`: `batchId`, `item`."""
    work = Work()
    work.do(event["item"])
    work.tell()
    return {"id": event["item"]["id"]}
