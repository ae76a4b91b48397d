"""What a plan assumes where AWS states no figure, mostly latencies: assumptions.toml, with what each rests on."""

from functools import cache
from pathlib import Path

from costs.facts.figures import Figures


class Assumptions(Figures):
    """None of them is fitted to the sandbox's meter."""

    @classmethod
    @cache
    def load(cls) -> "Assumptions":
        """Those of assumptions.toml."""
        return cls.read(Path(__file__).with_name("assumptions.toml"), "assumptions")
