"""The bucket of the parameter ResultsBucket: created and protected if it is missing, left as it is if it is there.

Without it every chunk would fail after its items were processed, because results are put before anything is recorded.
"""

import re
from collections.abc import Mapping

from bootstrap.bucket import Buckets, refused_bucket
from bootstrap.parameters import BadParameter

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
NAME = re.compile(r"[a-z0-9](?!.*\.\.)[a-z0-9.-]{1,61}[a-z0-9]")
ADDRESS = re.compile(r"\d+(\.\d+){3}")


def ensure_results(buckets: Buckets, parameters: Mapping[str, str]) -> None:
    """Create the bucket for results, if the stack's parameters name one and it is missing.

    Raises BadParameter for a name that no bucket can have, DeployFailed for a bucket of another account.
    """
    name = parameters.get("ResultsBucket")
    if not name:
        return
    if not NAME.fullmatch(name) or ADDRESS.fullmatch(name):
        raise BadParameter(
            f"ResultsBucket={name}: no bucket can have this name: it must be 3 to 63 small letters, digits, dots and "
            "hyphens, with a letter or digit first and last"
        )
    if buckets.exists(name):
        return
    if key := parameters.get("ResultsKeyArn"):
        # Its owner decides on the key's use and on the bucket's policy.
        raise refused_bucket(name, f"it does not exist, and ResultsKeyArn={key} is to encrypt it: create it first")
    buckets.ensure(name)
