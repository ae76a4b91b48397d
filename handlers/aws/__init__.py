"""Thin adapters over AWS that both architectures use."""

from typing import Any

# A client of boto3, which publishes no types.
type Client = Any
