"""The report of a study: one HTML file that needs no network."""

from html import escape
from importlib.resources import files
from io import StringIO
from string import Template

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from costs.format import count
from costs.tune.charts import cost_against_duration, cost_by_service
from costs.tune.study import Study
from rollcall.terminal.console import PlainConsole
from rollcall.views.tune import print_study

# No button that would send the data anywhere.
CONFIG = {"displaylogo": False, "responsive": True, "modeBarButtons": [["toImage", "zoom2d", "pan2d", "resetScale2d"]]}


def report(study: Study, basis: str) -> str:
    """The whole page: the study as the terminal shows it, and charts. `basis` is about its prices and assumptions."""
    console = PlainConsole(highlight=False, emoji=False, record=True, file=StringIO(), width=100)
    print_study(study, console)
    workload = study.best.workload
    failing = f", {workload.fail_rate:.2%} of them failing" if workload.fail_rate else ""
    # In one pass: a value that contains a placeholder must not be filled in turn.
    return Template(files("rollcall.views").joinpath("tune_report.html").read_text()).substitute(
        aim=escape(study.aim),
        study=console.export_html(inline_styles=True, code_format="{code}"),
        plotly=get_plotlyjs(),
        cost_duration=chart("cost-duration", cost_against_duration(study)),
        services=chart("services", cost_by_service(study)),
        foot=escape(f"{count(workload.items, 'item')} of {workload.values}{failing}. {basis}"),
    )


def chart(name: str, figure: go.Figure) -> str:
    """A chart's element, without Plotly's library."""
    return str(figure.to_html(full_html=False, include_plotlyjs=False, config=CONFIG, div_id=f"chart-{name}"))
