"""`rollcall plan`: computes the cost and the duration on AWS of a batch of any size, before anything runs."""

from dataclasses import dataclass, make_dataclass
from functools import cached_property
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from bootstrap.problem import Problem
from costs.plan.settings import Settings, Workload, parameter
from rollcall.terminal.options import (
    ArchitectureName,
    FailRate,
    FreeTier,
    ItemBytes,
    Json,
    PerDay,
    PriceFile,
    QuotaValues,
    ValueDistribution,
    grouped,
    limited,
)
from rollcall.terminal.reading_options import ReadingOptions

if TYPE_CHECKING:
    # numpy takes a while to import, for which `rollcall plan --help` need not wait.
    from costs.plan.plan import Planner
    from rollcall.views.plan import PlanReport

app = typer.Typer()
# The fields of Settings that are options: the help, the metavar of a number, and the option's name if it is another.
OPTIONS: dict[str, tuple[Any, ...]] = {
    "items_per_chunk": ("Items of a chunk.", "N"),
    "item_concurrency": ("Items of a chunk that are processed in parallel.", "N"),
    "processor_memory": ("Memory of the processor.", "MB", "--memory"),
    "batcher_memory": ("Memory of the batcher.", "MB"),
    "max_concurrency": ("Most processors at a time.", "N"),
    "batch_size": ("sqs: most messages of an invocation.", "N"),
    "chunks_per_segment": ("sqs: chunks that one batcher makes.", "N"),
    "pollers": ("sqs: most pollers, in provisioned mode of the event source mapping.", "N"),
    "child_type": ("sfn: type of the child executions.", None),
    "chunks_per_child": ("sfn: chunks of a child execution; 0 is automatic.", "N"),
    "max_attempts": ("Attempts per chunk.", "N"),
    "retry_delay_seconds": ("Wait before each further attempt.", "SECONDS", "--retry-delay"),
    "processor_timeout": ("Timeout of the processor.", "SECONDS"),
    "function_timeout": ("Timeout of the other functions.", "SECONDS"),
    "cpu_architecture": ("CPU of the functions.", None),
}


def setting(field: str, help: str, metavar: str | None, *names: str, **more: Any) -> Any:
    """The option of a stack parameter, with its bounds and its default, unless `more` has others."""
    about = parameter(field)
    shown = {"show_default": str(about.default).lower(), "rich_help_panel": "Parameters of the stacks"} | more
    return typer.Option(
        *names, min=about.low, max=about.high, case_sensitive=False, help=help, metavar=metavar, **shown
    )


def stack_option(field: str, help: str, metavar: str | None, *names: str) -> tuple[str, Any, Any]:
    """The field of StackOptions with its type and its default."""
    about = parameter(field)
    kind = int | None if metavar else Literal[about.allowed]
    return field, Annotated[kind, setting(field, help, metavar, *names)], about.default


FIELDS = [stack_option(field, *about) for field, about in OPTIONS.items()]
StackOptions: Any = make_dataclass("StackOptions", FIELDS, kw_only=True)


@dataclass(frozen=True, kw_only=True)
class BatchOptions(ReadingOptions):
    """The batch to plan, how its files are read, and the figures of AWS to plan with."""

    items: Annotated[int | None, limited("items", "Number of items", default="")] = None
    inputs: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            metavar="FILE",
            help="A file instead: number and size of its items are counted, as by `rollcall check`.",
            show_default=False,
        ),
    ] = None
    value_distribution: ValueDistribution = "uniform:0-1000"
    item_bytes: ItemBytes = None
    fail_rate: FailRate = None
    per_day: PerDay = None
    quota: QuotaValues = None
    prices: PriceFile = None
    free_tier: FreeTier = False

    @cached_property
    def workload(self) -> Workload:
        """The workload of these options. Raises Problem for no items, and for a distribution that does not exist."""
        from costs.plan.distribution import Distribution

        values, fail_rate = Distribution.parse(self.value_distribution), self.fail_rate or 0.0
        items, item_bytes = self._counted(self.inputs) if self.inputs else (self.items, self.item_bytes)
        if items is None:
            raise Problem("how many items has the batch?", "give --items N, or --input FILE")
        return Workload(items=items, values=values, item_bytes=item_bytes, fail_rate=fail_rate)

    def _counted(self, inputs: list[str]) -> tuple[int, float]:
        """The number of the file's items, and their average size. Raises Problem if it has none."""
        from rollcall.inputs.checked import checked
        from rollcall.terminal.console import stderr

        given = {"--items": self.items, "--item-bytes": self.item_bytes}
        if both := next((name for name, value in given.items() if value is not None), None):
            raise Problem(f"--input and {both} exclude each other: the file has the items")
        found, see = (
            checked(inputs, Settings(), 0, self.reading()),
            f"see `rollcall check {' '.join(map(quote, inputs))}`",
        )
        if not found.items:
            raise Problem(f"--input: {found.reason or 'there is no item in it'}", see)
        if not found.fine:
            stderr.print(f"--input is not fine: {see}", markup=False, soft_wrap=True)
        return found.items, found.planned_bytes

    @property
    def planner(self) -> "Planner":
        """The planner with these quotas and prices. Raises Problem for a wrong entry or file."""
        from costs.facts.figures import Assumptions, Quotas
        from costs.facts.prices import PriceBook
        from costs.plan.plan import Planner

        values = {}
        for entry in self.quota or []:
            name, _, value = entry.partition("=")
            try:
                values[name] = float(value.replace(",", ""))
            except ValueError as error:
                raise Problem(
                    f"--quota {entry}: expected NAME=VALUE with a number", "for example --quota lambda.concurrency=5000"
                ) from error
        book = PriceBook.load(self.prices)
        if self.free_tier:
            book = book.with_free_tier()
        return Planner(Quotas.load().with_(values), Assumptions.load(), book)


@app.command(
    epilog="Examples: [bold]rollcall plan --items 1000000[/], "
    "[bold]rollcall plan --input orders.csv --per-day 4[/], "
    "[bold]rollcall plan --items 100000000 --max-concurrency 1000 --quota lambda.concurrency=5000[/]\n\n"
    "Exit codes: 0 at least one architecture can run the batch, 2 none can, or wrong usage."
)
@grouped
def plan(
    batch: BatchOptions,
    stack: StackOptions,
    architecture: Annotated[
        ArchitectureName | None, typer.Option(help="Plan for one architecture only.", show_default="both")
    ] = None,
    both: Annotated[bool, typer.Option("--both", help="Plan for both architectures, which is the default.")] = False,
    deadline: Annotated[
        int | None,
        typer.Option(
            min=parameter("deadline_seconds").low,
            metavar="SECONDS",
            help="Refuse an architecture that takes longer.",
            show_default="no deadline",
        ),
    ] = None,
    with_alternatives: Annotated[
        bool, typer.Option("--alternatives", help="Price Lambda durable functions and SQS FIFO queues too.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Print the plan. Raises Problem if no architecture can run the batch, and for a quota that does not exist."""
    from costs.month.months import months
    from costs.plan.alternatives import alternatives
    from rollcall.terminal.console import print_json
    from rollcall.views.plan import print_plans

    if both and architecture:
        raise typer.BadParameter("--architecture names one, --both says both", param_hint="--both")
    report = compared(batch, Settings(**vars(stack)), architecture, deadline)
    if not report.plans:
        raise Problem("\n".join(f"{name}: refused by {reason}" for name, reason in report.refused.items()))
    if with_alternatives:
        report.alternatives = alternatives(report.plans, report.planner)
    if batch.per_day:
        report.months = months(report.plans, batch.per_day, report.planner, deadline)
    if as_json:
        print_json(report.to_json())
    else:
        print_plans(report)


def compared(
    batch: BatchOptions,
    settings: Settings,
    architecture: ArchitectureName | None = None,
    deadline: int | None = None,
) -> "PlanReport":
    """The plans of a batch through both architectures or one, and what refuses it.

    `deadline`: the most seconds that a plan may take. Raises Problem for a quota or distribution that does not exist.
    """
    from costs.format import seconds
    from costs.plan.limits import Impossible
    from rollcall.views.plan import PlanReport

    report = PlanReport(planner=batch.planner, quotas=batch.quota or [])
    workload = batch.workload
    for name in [str(architecture)] if architecture else list(ArchitectureName):
        try:
            plan = report.planner(name, workload, settings)
            if deadline is not None and plan.seconds > deadline:
                raise Impossible(
                    "DeadlineSeconds",
                    f"the batch takes {seconds(plan.seconds)}, longer than the deadline of {deadline:,} s; it is held "
                    f"up by {plan.bottleneck}",
                )
            report.plans[name] = plan
        except Impossible as impossible:
            report.refused[name] = impossible
    return report
