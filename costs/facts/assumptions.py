"""What plans and bills assume where AWS states no figure: assumptions.toml, with what each rests on."""

from costs.facts.figures import Figures


class Assumptions(Figures):
    """The assumptions. None of them is fitted to the sandbox's meter."""

    table = "assumptions"
