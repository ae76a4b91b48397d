"""Decides which HTTP requests the sandbox answers: none from a browser, none whose `Host` is a foreign name.

A web page can make its reader's browser send requests to 127.0.0.1, and the sandbox runs code on request. So the
sandbox refuses a request with a browser's mark, and one whose `Host` is a name that an attacker's DNS server may point
at this machine (DNS rebinding).
"""

import os
import re
from collections.abc import Iterable, Sequence

from sandbox.settings import ALLOWED_HOSTS
from sandbox.state import SandboxError

# Browsers add these headers by themselves, and no AWS client sends them. Only a browser can send `Sec-*`:
# https://fetch.spec.whatwg.org/#forbidden-request-header
BROWSERS_HEADERS = frozenset({"origin", "referer", "upgrade-insecure-requests"})
BROWSERS_PREFIXES = ("sec-", "access-control-request-")
# Every graphical browser calls itself Mozilla or Opera; text browsers follow links and send forms too.
BROWSERS_NAME = re.compile(r".*\b(mozilla|opera)/|(lynx|links|elinks|w3m|dillo|netsurf)\b", re.IGNORECASE)
HOST = re.compile(r"(\[[0-9a-f:]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?", re.IGNORECASE)
OWN_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})


def refusal(headers: Iterable[tuple[str, str]], allowed: frozenset[str] = frozenset()) -> str | None:
    """Why a request with these headers is refused, as a sentence for its sender; None if the request is answered.

    `headers` are names and values as received. `allowed` are names for `Host` besides this machine's own.
    """
    hosts = []
    for name, value in headers:
        lowered = name.lower()
        if lowered in BROWSERS_HEADERS or lowered.startswith(BROWSERS_PREFIXES):
            return f"The sandbox answers no browser, and this request has the header {name}."
        if lowered == "user-agent" and BROWSERS_NAME.match(value):
            return f"The sandbox answers no browser, and this request has the User-Agent {value[:80]!r}."
        if lowered == "host":
            hosts.append(value)
    return _foreign_host(hosts, allowed)


def foreign_target(target: str) -> str | None:
    """Why a request for this target (of the request line) is refused; None if it is answered.

    A target must be a path, because a whole URL would name a host that overrides `Host`.
    """
    if target.startswith("/"):
        return None
    return f"The sandbox answers requests for a path, and this one is for {target[:80]!r}."


def allowed_hosts() -> frozenset[str]:
    """The host names in ALLOWED_HOSTS. Raises SandboxError for a text that is not a host name."""
    names = {name.strip().lower() for name in os.environ.get(ALLOWED_HOSTS, "").split(",")} - {""}
    for name in names:
        match = HOST.fullmatch(name)
        if not match or match[2]:
            raise SandboxError(f"{ALLOWED_HOSTS}: {name!r} is no host name (without a port), such as rollcall.test")
    return frozenset(names)


def _foreign_host(hosts: Sequence[str], allowed: frozenset[str]) -> str | None:
    if len(hosts) != 1:
        return f"The sandbox wants one Host header, and this request has {len(hosts)}."
    match = HOST.fullmatch(hosts[0].strip())
    name = match[1].lower() if match else ""
    if name in OWN_NAMES or name.endswith(".localhost") or name in allowed:
        return None
    return (
        f"The sandbox answers to 127.0.0.1, localhost, *.localhost and [::1], and this request's Host is "
        f"{hosts[0][:80]!r}. Name others in {ALLOWED_HOSTS} when the sandbox starts."
    )
