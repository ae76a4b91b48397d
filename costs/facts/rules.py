"""AWS's figures by which a bill derives what the sandbox cannot count: rules.toml, with sources."""

from costs.facts.figures import Figures


class Rules(Figures):
    """The figures."""

    table = "rules"
