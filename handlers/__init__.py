"""The code that runs in Lambda: the batch protocol. Of it your own code needs only `from handlers import Permanent`."""


class Permanent(Exception):
    """Raise it in `process`: this item fails and is not tried again, because another attempt would not help."""
