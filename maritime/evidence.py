"""``maritime evidence``: a row with everything that it rests on, down to the raw records."""

from __future__ import annotations

import json
import re
from pathlib import Path

import click

from contracts.settings import load_settings
from infra.console import Command, out, say
from lakehouse.evidence.document import make
from lakehouse.evidence.kept import evidence_folder
from lakehouse.evidence.subject import parse_subject
from lakehouse.session import spark_session
from lakehouse.store import Store
from ml.evidence import ALL_LINKS


@click.command("evidence", cls=Command)
@click.argument("row", nargs=-1, required=True, metavar="FOR")
@click.option("--version", "version", type=int, help="Delta version of the row's table; default: the latest.")
@click.option("--output", "file", type=click.Path(path_type=Path), help="File to write; default: standard output.")
@click.option("--keep", is_flag=True, help="Write it to `evidence` in the home; the versions it names are then kept.")
def evidence(row: tuple[str, ...], version: int | None, file: Path | None, keep: bool) -> None:
    """Show what a row rests on, as JSON: raw records, table versions, contracts, rules, regulation, code.

    FOR is TABLE KEY=VALUE ..., for example `gold/vessel_day mmsi=366053209 date=2022-01-03`; or `voyage ID`; or
    `compliance IMO YEAR` for a ship's last day of a year. The row is computed anew from its raw records. Ends with 1
    when that gives another value, with 2 when there is no such row.
    """
    subject, settings = parse_subject(row), load_settings()
    say("Starting Spark")
    store = Store(spark_session(settings, "maritime-evidence"), settings.lake)
    found = make(store, settings, subject, version, ALL_LINKS)
    text = json.dumps(found, indent=2)
    if keep:
        words = (found["table"], *found["key"].values(), f"v{found['steps'][0]['version']}")
        file = evidence_folder(settings) / (re.sub(r"[^A-Za-z0-9._-]+", "_", "-".join(map(str, words))) + ".json")
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{text}\n")
        out.print(f"  evidence  {file}", highlight=False, soft_wrap=True)
    else:
        click.echo(text)
    for note in found["notes"]:
        say(note)
    for difference in found["differences"]:
        say(f"[red]difference:[/red] {difference}")
    if found["differences"]:
        raise SystemExit(1)
