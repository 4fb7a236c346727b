"""``maritime verify evidence``: does the row still come out of its raw records as the file says?"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from contracts.errors import InputError
from contracts.settings import load_settings
from infra.console import Command, json_option, out, print_json, print_table, say
from lakehouse.evidence.document import verify
from lakehouse.session import spark_session
from lakehouse.store import Store
from ml.evidence import ALL_LINKS


@click.command("evidence", cls=Command)
@click.argument("file", type=click.Path(path_type=Path))
@json_option
def verify_evidence(file: Path, as_json: bool) -> None:
    """Read the raw records of an evidence FILE at the versions that it names, compute the row anew, and compare.

    Ends with 0 when every value, every raw byte and everything that it rests on is as the file says, with 1 on a
    difference, which is named, and with 2 when FILE is no evidence.
    """
    document, settings = _read(file), load_settings()
    say("Starting Spark")
    store = Store(spark_session(settings, "maritime-evidence"), settings.lake)
    differences, notes = verify(store, settings, document, ALL_LINKS)
    if as_json:
        found = {"agrees": not differences, "differences": [asdict(d) for d in differences], "notes": notes}
        print_json({"file": str(file), "table": document["table"], "key": document["key"], **found})
    else:
        for note in notes:
            say(note)
        if differences:
            print_table("Differences", ["what", "difference"], [(d.name, d.text) for d in differences])
        out.print(
            "[red]The evidence does not hold.[/red]" if differences else "The evidence holds: every value agrees."
        )
    if differences:
        raise SystemExit(1)


def _read(file: Path) -> dict[str, Any]:
    try:
        document = json.loads(file.read_text())
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"{file} cannot be read as evidence: {error}.") from error
    if not isinstance(document, dict):
        raise InputError(f"{file} is no evidence: `maritime evidence` writes it.")
    return document
