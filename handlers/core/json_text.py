"""JSON that every AWS service accepts, in as few bytes of UTF-8 as possible."""

import json
import re
from typing import Any, NoReturn

type JsonObject = dict[str, Any]
type Item = JsonObject

# Half a character (a lone surrogate), which UTF-8 cannot encode, and the two characters that SQS refuses.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
REFUSED = re.compile("[\ud800-\udfff\ufffe\uffff]")
# A text with the escape of half a character, or with the letters of such an escape.
HALVES = re.compile(r"\\ud[89a-f]")
# The only field of the object that carries an item with half a character through services that decode JSON.
SEALED = "$json"


class NoJson(ValueError):
    """JSON cannot express this value; the message says why."""


def dumps(value: Any) -> str:
    """The value as JSON without spaces. Raises NoJson."""
    try:
        text = ENCODER.encode(value)
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
    """For json.dumps: refuse a value of a type that JSON does not have."""
    raise NoJson(f"it holds a {type(value).__name__}")


# Made once: json.dumps makes an encoder for every call that wants other than its defaults.
ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=refuse)


def utf8_bytes(text: str) -> int:
    """The size of a text as UTF-8."""
    return len(text) if text.isascii() else len(text.encode())


def sealed(text: str) -> str:
    """An item's JSON; if it has half a character, as a text within an object.

    A service that decodes JSON and encodes it again, as Lambda's runtime does with an answer, cannot encode the half.
    """
    return dumps({SEALED: text}) if HALVES.search(text) else text


def unsealed(item: Any) -> Any:
    """The item that `sealed` has wrapped; any other item unchanged."""
    return json.loads(item[SEALED]) if isinstance(item, dict) and item.keys() == {SEALED} else item
