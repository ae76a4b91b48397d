"""AWS's quotas and scaling rates, which decide how long a batch takes: quotas.toml, with sources."""

from costs.facts.figures import Figures


class Quotas(Figures):
    """AWS's defaults; `with_` tries others."""

    table = "quotas"
