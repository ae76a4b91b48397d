"""Why the engine's image could not be built, and what to set, from what `docker compose up` prints."""

import os
import re
import sys
from collections.abc import Iterable

from sandbox.state import SandboxError

# BuildKit's last line where a build has failed; above it, between two rules, stands what the failed step has printed.
FAILED = "failed to solve: "
RULE = "------"
UNTRUSTED = re.compile("CERTIFICATE_VERIFY_FAILED|certificate signed by unknown authority|invalid peer certificate")
NO_BASE = re.compile(r"> \[.*\] (load metadata for|FROM) (?P<image>\S+?):?$")
BUNDLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "CURL_CA_BUNDLE")
ERRORS_SHOWN = 3


class BuildFailed(SandboxError):
    """The engine's image could not be built; the message says why, once, and what to set."""


def build_failure(lines: Iterable[str]) -> BuildFailed | None:
    """The failure of the build that printed `lines`; None if it did not fail."""
    lines = list(lines)
    ends = [number for number, line in enumerate(lines) if line.startswith(FAILED)]
    if not ends:
        return None
    failed = lines[ends[0]]
    rules = [number for number, line in enumerate(lines[: ends[0]]) if line == RULE][-2:]
    step = lines[rules[0] + 1 : rules[-1]] if len(rules) == 2 else []
    base = next(filter(None, map(NO_BASE.search, step)), None)
    if base:
        what, remedy = f"the base image {base['image']} cannot be loaded", "set BASE_IMAGE to one with Python 3.13"
        why = [failed.rpartition(": ")[2]]
    elif any(map(UNTRUSTED.search, [*step, failed])):
        what, remedy = "the certificates of a package registry are not trusted there", f"set COMPANY_CA{bundle()}"
        why = []
    else:
        what, remedy = "a step failed", "set COMPANY_CA behind a proxy that re-signs TLS, BASE_IMAGE for another base"
        why = errors(step) or [failed]
    native = ", or ENGINE=native to do without Docker" if sys.platform == "linux" else ""
    said = f": {'; '.join(why)}" if why else ""
    return BuildFailed(f"the engine's image cannot be built, {what}{said}\n{remedy}{native}")


def errors(step: Iterable[str]) -> list[str]:
    """The last lines of a step that tell of errors, without their times; all that there are, if none says so."""
    lines = [re.sub(r"^[\d.]+ ", "", line) for line in step if not line.startswith(" > ")]
    telling = [line for line in lines if re.search("error", line, re.IGNORECASE)]
    return list(dict.fromkeys(telling or lines))[-ERRORS_SHOWN:]


def bundle() -> str:
    """Where a bundle of certificates is: what the user's own programs trust."""
    for name in BUNDLES:
        if path := os.environ.get(name):
            return f"={path}, which {name} names"
    return " to the bundle of the proxy that re-signs TLS: COMPANY_CA=/path/to/bundle.pem"
