"""How long the fleet twin takes to make: ``python bench/twin.py [--ships 100] [--days 90] [--every 5min]``.

The aim: 100 ships for 90 days at five-minute reports (2.6 million positions), written out, in under two
minutes on two cores. Prints one JSON object; ``load_before`` tells how busy the machine was with other work.
"""

from __future__ import annotations

import json
import os
import resource
import tempfile
from pathlib import Path

import click

from producers.twin import TwinConfig, generate
from producers.twin.config import parse_every


@click.command()
@click.option("--ships", default=100)
@click.option("--days", default=90)
@click.option("--every", default="5min")
def main(ships: int, days: int, every: str) -> None:
    """Make one twin in a temporary folder and print what it took."""
    load_before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        summary = generate(TwinConfig.checked(ships=ships, days=days, every_s=parse_every(every)), Path(folder))
    positions = summary.truth["topics"]["ais"]["position"]
    facts = {
        "ships": ships, "days": days, "every": every, "positions": positions,
        "lines": sum(summary.lines.values()),
        "seconds": summary.seconds, "positions_per_s": round(positions / summary.seconds),
        "megabytes": round(sum(summary.bytes.values()) / 1e6, 1),
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "cores": os.cpu_count(), "load_before": round(load_before, 2),
    }  # fmt: skip
    click.echo(json.dumps(facts))


if __name__ == "__main__":
    main()
