"""The month: what batches that come by a schedule cost, with all that is paid whether they run or not."""
