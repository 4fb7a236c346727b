"""``maritime twin``: make the fleet twin."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import click

from infra import console
from producers.twin.config import TwinConfig, TwinSummary, parse_every
from producers.twin.generate import generate


@click.group(cls=console.Group)
def twin() -> None:
    """The fleet twin: a generated fleet, where no open data tells the story.

    Everything it makes says source=twin, and the truth is written beside it.
    """


@twin.command("generate")
@click.option("--ships", type=int, default=30, show_default=True, help="Ships in the register.")
@click.option("--days", type=int, default=60, show_default=True, help="Days from the start, whole UTC days.")
@click.option("--every", default="5min", show_default=True, help="Time between AIS reports: 30s, 5min, 1h; or lawful.")
@click.option("--start", type=click.DateTime(["%Y-%m-%d"]), default="2024-01-01", show_default=True, help="First day.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed makes the same bytes.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder to write into.")
@click.option("--demo", is_flag=True, help="The demonstration's twin; the options above but --out are then not read.")
@console.json_option
def generate_command(
    ships: int, days: int, every: str, start: dt.datetime, seed: int, out: Path, demo: bool, as_json: bool
) -> None:
    """Write a fleet's months into a folder, in the order in which it would be published.

    \b
    ais.jsonl.gz             position and static reports
    sensors.jsonl.gz         engine and weather readings
    voyage_events.jsonl.gz   schedules, departures, arrivals, port calls, daily fuel reports
    alerts.jsonl.gz          engine alarms and heavy seas
    register.csv             the ships
    truth/                   voyages, port calls, silences, fuel, failures, faults, and who used a shared MMSI

    With --every lawful ships report as often as class A stations do: every 2 to 10 seconds under way.

    \b
    Example:  maritime twin generate --ships 30 --days 60 --seed 7 --out var/twin
    """  # noqa: D301  click keeps the lines after its own mark
    config = (
        TwinConfig.demo()
        if demo
        else TwinConfig.checked(ships=ships, days=days, every_s=parse_every(every), start=start.date(), seed=seed)
    )
    with console.progress() as bar:
        task = bar.add_task("Sailing the fleet", total=1.0)
        summary = generate(config, out, lambda what, share: bar.update(task, description=what, completed=share))
    if as_json:
        console.print_json(summary.model_dump(mode="json"))
    else:
        _tell(summary)


def _tell(summary: TwinSummary) -> None:
    rows = [(f"{name}.jsonl.gz", number, summary.bytes[name] / 1e6) for name, number in summary.lines.items()]
    console.print_table(
        f"{summary.ships} ships, {summary.days} days in {summary.folder} (generated, source=twin)",
        ("file", "lines", "megabytes"),
        rows,
    )
    console.print_table("Faults mixed in", ("fault", "count"), list(summary.truth["faults"].items()))
    console.say(f"Written in {summary.seconds:.1f} s. Truth: {summary.folder / 'truth'}")
