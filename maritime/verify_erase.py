"""``maritime verify erase``: prove that nothing names a vessel any more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import click

from contracts.settings import load_settings
from infra.console import Command, json_option, out, print_json, print_table
from infra.erasure.hits import Hit
from infra.erasure.subject import Subject
from maritime.erasure_proof import prove

SHOWN = 50


@click.command("erase", cls=Command)
@click.option("--mmsi", type=int, required=True, help="The vessel.")
@json_option
def verify_erase(mmsi: int, as_json: bool) -> None:
    """Search every place that may name a vessel, and report the hits by place; 0 is the proof of an erasure.

    Reads all Parquet files (decoded, and as bytes), Delta logs, checkpoints of tables and streams, all topics with
    their dead letters (on the embedded broker also its segment files), and every other file of the home. Nothing is
    changed. Ends with 0 without a hit, with 1 when there are some, with 5 when the broker cannot be asked.
    """
    hits = prove(load_settings(), Subject(mmsi))
    if as_json:
        print_json({"is_erased": not hits, "hits": [asdict(hit) for hit in hits]})
    else:
        print_hits(hits)
        out.print(f"[red]{len(hits)} places name the vessel.[/red]" if hits else "0 hits: nothing names the vessel.")
    if hits:
        raise SystemExit(1)


def print_hits(hits: Sequence[Hit]) -> None:
    """The hits as a table, where there are any."""
    if hits:
        rows = [(hit.kind, hit.where, hit.count) for hit in hits[:SHOWN]]
        more = f" (the first {SHOWN} of {len(hits)}; --json has all)" if len(hits) > SHOWN else ""
        print_table(f"Hits{more}", ["kind", "where", "count"], rows)
