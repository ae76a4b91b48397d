"""AWS's quotas and scaling rates, which decide how long a batch takes: quotas.toml, with sources."""

from functools import cache
from pathlib import Path

from costs.facts.figures import Figures


class Quotas(Figures):
    """AWS's defaults; `with_` tries others."""

    @classmethod
    @cache
    def load(cls) -> "Quotas":
        """Those of quotas.toml."""
        return cls.read(Path(__file__).with_name("quotas.toml"), "quotas")
