"""What a run came to: a table for the terminal and one self-contained page for reading."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import astuple, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from rich.table import Table

from recuerda.language import LANGUAGES
from recuerda.meter import Usage
from recuerda.settings import Settings
from recuerda.usage import cost_of

if TYPE_CHECKING:
    from evals.run import Outcome

_pages = Environment(
    loader=FileSystemLoader(Path(__file__).parent), undefined=StrictUndefined, autoescape=True
)


def table(outcomes: Sequence["Outcome"]) -> Table:
    made = Table("suite", "metric", *LANGUAGES, "all", "at least", "of", title="Recuerda eval")
    for outcome in outcomes:
        for number, (metric, groups) in enumerate(outcome.metrics.items()):
            limit = outcome.thresholds.get(metric)
            colour = "" if limit is None else "green" if outcome.passed(metric) else "red"
            value = percent(groups.get("all"))
            made.add_row(
                "" if number else f"{outcome.name} ({outcome.seconds:.0f} s)",
                metric,
                *(percent(groups.get(language)) for language in LANGUAGES),
                f"[{colour}]{value}[/]" if colour else value,
                "" if limit is None else f"{100 * limit:g}",
                f"{groups['all'][1]:g}",
            )
        made.add_section()
    return made


def page(outcomes: Sequence["Outcome"], run: Mapping[str, Any]) -> str:
    """HTML with everything in it: no script, no font, no file besides."""
    return _pages.get_template("page.html.j2").render(
        outcomes=outcomes, run=run, languages=LANGUAGES, percent=percent
    )


def write_calls(path: Path, calls: Sequence[Usage], settings: Settings) -> None:
    """Each call of the model with its tokens, seconds and, when prices are set, cost."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow([*(field.name for field in fields(Usage)), "cost"])
        rows.writerows([*astuple(call), cost_of(call, settings)] for call in calls)


def percent(value: tuple[float, float] | None) -> str:
    """Of a group that has nothing to count there is nothing to say."""
    return "" if value is None or not value[1] else f"{100 * value[0]:.1f}"
