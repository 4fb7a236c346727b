"""``maritime register``: load and show the ship register."""

from __future__ import annotations

from pathlib import Path

import click

from batch_jobs import register
from batch_jobs.runs import rows_of
from contracts.settings import load_settings
from contracts.tables import SILVER_SHIP_REGISTER
from infra.console import Group, err, json_option, print_facts, print_json, print_table
from infra.lock import single_writer
from lakehouse.session import spark_session
from lakehouse.store import Store

SHOWN_REFUSALS = 20
SHOWN = ("imo_number", "vessel_name", "cii_ship_type", "dwt_t", "gross_tonnage", "fuel_kind", "built_year", "source")


@click.group("register", cls=Group)
def register_group() -> None:
    """The ship register: IMO number, type, deadweight, gross tonnage, engine."""


@register_group.command("load")
@click.argument("file", type=click.Path(path_type=Path))
@json_option
def load(file: Path, as_json: bool) -> None:
    """Load FILE, a CSV whose header names columns of silver.ship_register; known ships are replaced."""
    settings = load_settings()
    ships, refusals = register.read_register(file)
    for refusal in refusals[:SHOWN_REFUSALS]:
        err.print(f"{file}:{refusal.line}: {refusal.reason}", highlight=False, soft_wrap=True)
    if len(refusals) > SHOWN_REFUSALS:
        err.print(f"... and {len(refusals) - SHOWN_REFUSALS:,} more", highlight=False)
    version = None
    if ships:
        with single_writer(Path(settings.home) / "locks", "register"):
            version = register.load(Store(spark_session(settings, "register"), settings.lake), ships, file)
    facts = {
        "file": str(file),
        "read": len(ships) + len(refusals),
        "loaded": len(ships),
        "refused": len(refusals),
        "version": version,
    }
    print_json(facts) if as_json else print_facts(facts)


@register_group.command("show")
@click.option("--limit", default=20, show_default=True, help="Most ships to show.")
@json_option
def show(limit: int, as_json: bool) -> None:
    """Show ships of the register."""
    settings = load_settings()
    table = Store(spark_session(settings, "register"), settings.lake).read(SILVER_SHIP_REGISTER)
    ships = rows_of(table.orderBy("imo_number").limit(limit))
    if as_json:
        print_json(ships)
    else:
        rows = [[str(ship["imo_number"]), *(ship[name] for name in SHOWN[1:])] for ship in ships]
        print_table("Ship register", SHOWN, rows)
