"""JSON as it travels: in as few bytes of UTF-8 as there are, and in characters that every service takes. Pure."""

import json
import re
from typing import Any, NoReturn

# Half a character, which UTF-8 cannot say, and the two that SQS refuses and JSON does not escape by itself.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
REFUSED = re.compile("[\ud800-\udfff\ufffe\uffff]")
# A text that has escapes of halves, and maybe only a text that says so.
HALVES = re.compile(r"\\ud[89a-f]")
# The one field of what stands for an item with half a character, where services take the JSON apart on its way.
SEALED = "$json"


class NoJson(ValueError):
    """JSON cannot say this value; the message tells what of it."""


def dumps(value: Any) -> str:
    """The value's JSON without spaces. Raises NoJson."""
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=refuse)
    except RecursionError:
        raise NoJson("it is nested too deep") from None
    except NoJson:
        raise
    except TypeError:
        raise NoJson("the names in an object must be texts") from None
    except ValueError:
        raise NoJson("it holds NaN, Infinity or itself") from None
    return text if text.isascii() else REFUSED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def refuse(value: Any) -> NoReturn:
    """For json.dumps: a value of no type that JSON has."""
    raise NoJson(f"it holds a {type(value).__name__}")


def utf8_bytes(text: str) -> int:
    """How many bytes a text of `dumps` is as UTF-8."""
    return len(text) if text.isascii() else len(text.encode())


def sealed(text: str) -> str:
    """An item's JSON, inside a text where it has half a character.

    Whoever takes JSON apart and says it again in UTF-8, as Lambda's runtime does with an answer, cannot say the half.
    """
    return dumps({SEALED: text}) if HALVES.search(text) else text


def unsealed(item: Any) -> Any:
    """The item that `sealed` has put away, any other as it is."""
    return json.loads(item[SEALED]) if isinstance(item, dict) and item.keys() == {SEALED} else item
