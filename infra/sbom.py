"""The bill of materials: what the lock files name, as CycloneDX. ``make sbom`` writes it.

The Python packages come from ``cyclonedx-py requirements``; this adds the jars, which no Python tool knows.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from infra.console import Command, say
from infra.jars import Jar, locked

SETS = ("spark", "kafka")


def with_jars(bill: dict[str, Any]) -> dict[str, Any]:
    """The bill with every jar of ``jars.lock``, each by its Maven coordinates and its SHA-256."""
    jars = {jar.filename: jar for name in SETS for jar in locked(name)}  # some belong to both sets
    return {**bill, "components": [*bill["components"], *(_component(jar) for jar in jars.values())]}


def _component(jar: Jar) -> dict[str, Any]:
    purl = f"pkg:maven/{jar.group}/{jar.artifact}@{jar.version}"
    return {
        "bom-ref": purl,
        "type": "library",
        "group": jar.group,
        "name": jar.artifact,
        "version": jar.version,
        "purl": purl,
        "hashes": [{"alg": "SHA-256", "content": jar.sha256}],
    }


@click.command(cls=Command)
@click.argument("bill", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def main(bill: Path) -> None:
    """Add the jars to BILL, a CycloneDX file in JSON."""
    whole = with_jars(json.loads(bill.read_text()))
    bill.write_text(json.dumps(whole, indent=2) + "\n")
    say(f"{bill}: {len(whole['components'])} components")


if __name__ == "__main__":
    main()
