"""In the place of handlers/work.py: asynchronous work, which tells how many of it run at a time, and on which loop."""

import asyncio
import os

running = 0
left: list[asyncio.Task] = []


async def process(item: dict) -> dict:
    """Sleep `value` milliseconds; fail where the item has `fail`, leave a task behind where it has `leave`."""
    global running  # noqa: PLW0603  the example counts across items, as people do
    running += 1
    os.write(1, f"witness {item['id']}\n".encode())
    at_a_time, loop = running, id(asyncio.get_running_loop())
    try:
        await asyncio.sleep(float(item.get("value") or 0) / 1000)
        if item.get("fail"):
            raise RuntimeError(f"{item['id']} was made to fail")
        if item.get("leave"):
            left.append(asyncio.ensure_future(asyncio.sleep(3600)))
    finally:
        running -= 1
    return {"atATime": at_a_time, "loop": f"{os.getpid()}-{loop}"}
