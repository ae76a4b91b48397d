"""Names that no results bucket can have are refused before S3 is asked."""

import pytest

from bootstrap.bucket import Buckets
from bootstrap.parameters import BadParameter
from bootstrap.results_bucket import ensure_results

# Without a client: every call would fail.
BUCKETS = Buckets(None, "000000000000", "aws", "us-east-1", print)


@pytest.mark.parametrize(
    "name",
    ["My-results", "my_results", "ab", "a" * 64, "-results", "results-", "a..b", "192.168.5.4", "s3://b", "results/"],
)
def test_a_name_that_no_bucket_can_have_is_refused_by_name(name: str) -> None:
    with pytest.raises(BadParameter) as refused:
        ensure_results(BUCKETS, {"ResultsBucket": name})
    assert str(refused.value).startswith(f"ResultsBucket={name}: no bucket can have this name: it must be 3 to 63")


@pytest.mark.parametrize("parameters", [{}, {"ResultsBucket": ""}])
def test_a_stack_that_collects_no_results_needs_no_bucket(parameters: dict[str, str]) -> None:
    ensure_results(BUCKETS, parameters)
