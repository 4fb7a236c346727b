"""``maritime-tracks``: port calls, sailings, gaps, encounters, loitering and fuel, from positions alone."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click
from pyspark.sql import functions as F

from batch_jobs import inputs
from batch_jobs.runs import Run, timed
from contracts.settings import Settings, load_settings
from contracts.tables import (
    GOLD_ENCOUNTERS,
    GOLD_GAPS,
    GOLD_IDENTITY_REVISIONS,
    GOLD_LOITERING,
    GOLD_PORT_CALLS,
    GOLD_SAILINGS,
    GOLD_TRACK_FUEL,
    GOLD_VESSEL_TRACKS,
    SILVER_POSITIONS,
)
from infra.console import Command, json_option, print_facts, print_json, say
from lakehouse import ledger
from lakehouse.provenance import told_settings
from lakehouse.runs import recorded
from lakehouse.track_tables import NEEDED, update

JOB = "tracks"
COUNTED = {
    "port_calls": GOLD_PORT_CALLS, "sailings": GOLD_SAILINGS, "gaps": GOLD_GAPS, "encounters": GOLD_ENCOUNTERS,
    "loitering": GOLD_LOITERING, "fuel_days": GOLD_TRACK_FUEL, "identities_revised": GOLD_IDENTITY_REVISIONS,
}  # fmt: skip
POSITIONS_STREAM = "silver.ais"


@click.command("tracks", cls=Command)
@click.option("--rebuild", is_flag=True, help="Find everything anew from all positions, whatever is stored.")
@json_option
def main(rebuild: bool, as_json: bool) -> None:
    """Find port calls, voyages as sailed, gaps, encounters and loitering in the positions that are new, and model fuel.

    Only vessels with new positions are looked at again, each from its last port call that was over before. Nobody has
    to declare anything; what operators declare is joined by maritime-voyages, which runs this first.
    """
    facts = bring_up_to_date(load_settings(), rebuild=rebuild)
    print_json(facts) if as_json else print_facts({name.replace("_", " "): value for name, value in facts.items()})


def bring_up_to_date(settings: Settings, *, rebuild: bool = False) -> dict[str, Any]:
    """Do that, and return what there is now.

    Raises:
        InputError: There are no positions yet.
    """
    path = f"{settings.lake}/{SILVER_POSITIONS.path}"
    needed = [field for field in SILVER_POSITIONS.fields if field.name in NEEDED]
    inputs.read_log(path, SILVER_POSITIONS, needed)
    with recorded(Run, JOB, {"rebuild": rebuild}, settings) as run:
        run.basis["settings"] = told_settings(settings)  # of them the fastest speed, which fuel rests on
        with timed(run):
            is_new = update(run, _complete_until(settings), settings.jump_limit_kn, whole=rebuild)
        if not is_new:
            say(f"Nothing has come since version {run.inputs[SILVER_POSITIONS.name]} of {SILVER_POSITIONS.name}.")
        facts = _facts(run)
        run.rows_written = sum(facts[name] for name in COUNTED)
    return {"job": JOB, "new_positions": run.rows_read, **facts, "seconds": round(run.seconds, 1)}


def _complete_until(settings: Settings) -> dict[str, datetime]:
    """Event time that the stream of positions has reached, per source."""
    reached: dict[str, datetime] = {}
    for entry in ledger.entries(settings.lake, POSITIONS_STREAM):
        for source, at in entry["watermarks"].items():
            reached[source] = max(at, reached.get(source, at))
    return reached


def _facts(run: Run) -> dict[str, Any]:
    """How many rows there are of each kind."""
    tracks = run.store.read(GOLD_VESSEL_TRACKS).where(~F.col("is_noise"))
    vessels = tracks.agg(F.count_distinct("track_id").alias("vessels")).first()
    assert vessels is not None  # an aggregate without groups has one row
    counts = {name: run.store.read(table).count() for name, table in COUNTED.items()}
    still_open = run.store.read(GOLD_GAPS).where("is_open").count()
    return {"vessels": vessels["vessels"], **counts, "gaps_that_go_on": still_open}
