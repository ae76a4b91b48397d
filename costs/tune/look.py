"""The report's colours, fonts and margins: one colour per architecture, and one per service, in every chart."""

from typing import Any

import plotly.graph_objects as go

COLOURS = {"sqs": "#1F5FAE", "sfn": "#D9660A"}
NAMES = {"sqs": "SQS and DynamoDB", "sfn": "Step Functions"}
SHORT = {"sqs": "SQS", "sfn": "Step<br>Functions"}
SHADES = {"sqs": "#9DBDE3", "sfn": "#F2BE94"}
OWN_WORK = "your own work (Lambda)"
SERVICES = {
    OWN_WORK: "#C3CAD3",
    "Lambda": "#6B4C9A",
    "SQS": "#2A9D8F",
    "DynamoDB": "#274C77",
    "Step Functions": "#C2185B",
    "S3": "#7FB069",
    "EventBridge": "#E0A100",
    "CloudWatch Logs": "#8D6E63",
    "CloudWatch": "#546E7A",
}
# Bottlenecks, in the order in which they are met.
KINDS = ("#4C78A8", "#F2A93B", "#54A24B", "#B279A2", "#E45756", "#72B7B2", "#9D755D", "#BAB0AC", "#2F4B7C", "#A05195")
INK, GREY, GRID = "#1B2430", "#5B6673", "#E3E7EC"
FONT = "Inter, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


def styled(figure: go.Figure, height: int = 460, **more: Any) -> go.Figure:
    """The figure with the look that all share."""
    figure.update_layout(
        template="plotly_white",
        height=height,
        font={"family": FONT, "size": 15, "color": INK},
        margin={"l": 84, "r": 28, "t": 56, "b": 64},
        legend={"orientation": "h", "x": 0, "y": 1.02, "xanchor": "left", "yanchor": "bottom", "font": {"size": 14}},
        hoverlabel={"font": {"family": FONT, "size": 14}, "bgcolor": "white", "align": "left"},
        paper_bgcolor="white",
        plot_bgcolor="white",
    )
    figure.update_xaxes(gridcolor=GRID, zeroline=False, linecolor="#AEB6C0", ticks="outside", tickcolor="#AEB6C0")
    figure.update_yaxes(gridcolor=GRID, zeroline=False, linecolor="#AEB6C0", automargin=True)
    figure.update_layout(**more)
    return figure
