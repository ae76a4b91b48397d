"""The outcome of one call of `process`: a result that can be kept, or the text of the exception."""

import inspect
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from handlers.core.json_text import dumps, utf8_bytes

MAX_ERROR_LENGTH = 1000
MAX_RESULT_BYTES = 16 * 1024
# The error text of an exception group quotes this many of its exceptions.
QUOTED_ERRORS = 3
AWAIT = "make process an `async def` and await it there"
# Return values whose work has not been done: how to recognise one, its name, and what to do.
PROMISES: tuple[tuple[Callable[[object], bool], str, str], ...] = (
    (inspect.isgenerator, "a generator", "none of its code has run: return a result instead of yielding"),
    (inspect.isasyncgen, "an async generator", "none of its code has run: return a result instead of yielding"),
    (inspect.iscoroutine, "a coroutine", f"none of its code has run: {AWAIT}"),
    (inspect.isawaitable, "an awaitable", f"its work may still go on: {AWAIT}"),
    (lambda value: isinstance(value, Future), "a future", "its work may still go on: return its result()"),
)


class InvalidResult(ValueError):
    """`process` returned neither None nor a JSON value of up to 16 KiB."""


def checked_result(value: Any) -> Any:
    """`value`, if it is a valid result. Raises InvalidResult, which names the value and the next step."""
    if value is None:
        return None
    refuse_promise(value)
    try:
        size = utf8_bytes(dumps(value))
    except BaseException as error:  # noqa: BLE001 - a value of the user's own classes may raise anything
        name = name_of(value)
        raise InvalidResult(
            f"process returned {'an' if name[:1] in 'aeiouAEIOU' else 'a'} {name}, which is no JSON value "
            f"({error_text(error)}): return one, or None"
        ) from None
    if size > MAX_RESULT_BYTES:
        raise InvalidResult(
            f"process returned {size:,} bytes of JSON, {MAX_RESULT_BYTES:,} may be kept: store it elsewhere, and "
            "return where it is"
        )
    return value


def refuse_promise(value: Any, function: str = "process") -> None:
    """Raises InvalidResult if `value`, which `function` returned, stands for work that has not been done."""
    for is_one, name, advice in PROMISES:
        if is_one(value):
            if inspect.iscoroutine(value):
                value.close()
            raise InvalidResult(f"{function} returned {name}, and {advice.replace('process', function)}")


def error_text(error: BaseException) -> str:
    """The error's type and message, cut and encoded so that every service accepts them. Raises nothing."""
    return cut(f"{name_of(error)}: {message_of(error)}")


def message_of(error: BaseException) -> str:
    """The error's own message, which may be missing or broken; an exception group adds its first exceptions."""
    try:
        text = cut(str(error))
        if isinstance(error, BaseExceptionGroup):
            text = "; ".join([text, *(error_text(inner) for inner in error.exceptions[:QUOTED_ERRORS])])
    except BaseException as broken:  # noqa: BLE001 - the message is made by the user's code
        return f"(its message cannot be had: {name_of(broken)})"
    return text


def name_of(value: object) -> str:
    """The name of the value's class, even if the metaclass hides it or raises."""
    return cut(own_attribute(type(value), "__name__"))


def own_attribute(a_class: type, name: str) -> Any:
    """An attribute that every class has, even if the metaclass hides it or raises."""
    return vars(type)[name].__get__(a_class)


def cut(text: str) -> str:
    """The beginning of a text, as an exact `str` that UTF-8 can encode; a subclass of `str` may do anything."""
    beginning = str.__getitem__(text, slice(MAX_ERROR_LENGTH))
    return str.encode(beginning, "utf-8", "replace").decode()
