"""All benchmarks in turn, each in a process of its own, and one table: ``python -m bench [--quick]``."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from bench.machine import machine
from infra.console import Command, json_option, print_facts, print_json, print_table, say

Figure = tuple[str, object, str]
"""What was measured, the value, and the aim (empty where there is none)."""


@dataclass(frozen=True, slots=True)
class Bench:
    """A benchmark: its command, what makes it short, and its figures from the JSON that it prints."""

    module: str
    arguments: tuple[str, ...]
    quick: tuple[str, ...]
    figures: Callable[[dict[str, Any]], Iterator[Figure]]


def producer(result: dict[str, Any]) -> Iterator[Figure]:
    """Rates of the formats, against the bare client with the same bytes."""
    for name, one in result.items():
        yield f"producer {name}, records/s", one["per_second"], ""
        yield f"producer {name}, share of its ceiling", one["ratio"], "0.5 or more" if name == "noaa" else ""
        yield f"producer {name}, bytes an event on the broker", one["bytes_per_event_on_disk"], ""


def bronze(result: dict[str, Any]) -> Iterator[Figure]:
    """Rates at each size, against the appender."""
    for one in result["results"]:
        yield f"Bronze, {one['rows']:,} rows, records/s", one["ours_per_s"], ""
        yield f"Bronze, {one['rows']:,} rows, share of the appender", one["ratio"], "0.7 or more"


def appends(result: dict[str, Any]) -> Iterator[Figure]:
    """Our append of a batch, and Delta's own with a transaction."""
    name = f"append of {result['rows']:,} rows"
    yield f"{name}, s", result["ours_s"], ""
    yield f"{name}, share of Delta's own", result["ratio"], ""


def line(result: dict[str, Any]) -> Iterator[Figure]:
    """Each rate: whether it was held, how fresh Silver was, what it took."""
    for one in result["results"]:
        name = f"line at {one['rate']:,}/s"
        yield f"{name}, held with flat lag", one["is_held"], "yes" if one["rate"] <= HIGHEST_AIMED else ""
        yield f"{name}, every record accounted for", one["identity"]["holds"], "yes"
        yield f"{name}, p50 to Silver, s", one["latency_s"].get("p50"), ""
        yield f"{name}, p95 to Silver, s", one["latency_s"].get("p95"), "below 3" if one["rate"] == WORLD else ""
        yield f"{name}, peak memory, MB", one["peak_rss_mb"]["all"], ""
        yield f"{name}, bytes an event on the broker", one["disk_bytes_per_event"], ""
    yield "line, highest rate held", result["highest_held"], ""


def batch(result: dict[str, Any]) -> Iterator[Figure]:
    """Seconds at each size, against DuckDB."""
    for one in result["results"]:
        name = f"{result['job']}, {one['rows']:,} rows"
        yield f"{name}, warm, s", one["spark_warm_s"], ""
        yield f"{name}, times DuckDB", one["warm_ratio"], "3 or less"


def twin(result: dict[str, Any]) -> Iterator[Figure]:
    """How long the generated fleet takes."""
    name = f"twin, {result['ships']} ships, {result['days']} days"
    yield f"{name}, s", result["seconds"], "120 or less" if result["days"] >= TWIN_DAYS else ""


def starts(result: dict[str, Any]) -> Iterator[Figure]:
    """A short Spark command, with its classes prepared and without."""
    for name, seconds in result["least_s"].items():
        yield f"register load, {name}, s", seconds, ""


def collision(result: dict[str, Any]) -> Iterator[Figure]:
    """How soon ships on a collision course are told, and what the watch takes."""
    at = f"collision watch at {result['rate']:,} positions/s"
    for name, seconds in result["delay_s"].items():
        yield f"{at}, report to alert, {name}, s", seconds, "1 or less" if name == "p95" else ""
    yield f"{at}, pairs told of {result['pairs_to_tell']:,}", result["pairs_told"], f"{result['pairs_to_tell']:,}"
    yield f"{at}, cores in use", result["cores_used"]["watch"], ""


WORLD, HIGHEST_AIMED, TWIN_DAYS = 6_000, 20_000, 90
ROOT = Path(__file__).parents[1]
KEPT = ("--growth", "--json", "--folder", str(ROOT / "var" / "bench"))
"""The batch benchmarks keep their input, which takes longer to make than to use."""
EMISSIONS_ROWS, VOYAGES_ROWS = "10400000", "1200000"
COLLISION_QUICK = ("--rate", "500", "--vessels", "5000", "--pairs", "20", "--minutes", "0.2", "--warm-up", "5")
BENCHES = (
    Bench("bench.starts", ("--json",), ("--times", "1"), starts),
    Bench("bench.twin", (), ("--ships", "10", "--days", "10"), twin),
    Bench("bench.producer", ("--json",), ("--rows", "50000", "--rounds", "1"), producer),
    Bench("bench.bronze", ("--rows", "10000000", "--growth", "--json"), ("--rows", "100000", "--repeats", "1"), bronze),
    Bench("bench.appends", ("--json",), ("--times", "6"), appends),
    Bench("bench.line", ("--json",), ("--minutes", "0.5", "--warm-up", "20"), line),
    Bench("bench.line", ("--find-highest", "--minutes", "2", "--json"), ("--minutes", "0.3", "--warm-up", "20"), line),
    Bench("bench.collision", ("--json",), COLLISION_QUICK, collision),
    Bench("bench.batch", ("emissions", "--rows", EMISSIONS_ROWS, *KEPT), ("--rows", "100000"), batch),
    Bench("bench.batch", ("voyages", "--rows", VOYAGES_ROWS, *KEPT), ("--rows", "20000"), batch),
)


@click.command(cls=Command)
@click.option("--quick", is_flag=True, help="Small sizes: shows that everything runs; its figures mean little.")
@json_option
def main(quick: bool, as_json: bool) -> None:
    """Run all benchmarks in turn and print one table; long without --quick."""
    results = [(bench, run(bench, quick=quick)) for bench in BENCHES]
    if as_json:
        told = [{"bench": " ".join((bench.module, *bench.arguments)), "result": result} for bench, result in results]
        print_json({"machine": machine(), "quick": quick, "benches": told})
        return
    print_facts(machine())
    title = "Quick run, figures mean little" if quick else "Measured"
    print_table(
        title, ("what", "value", "aim"), [figure for bench, result in results for figure in bench.figures(result)]
    )


def run(bench: Bench, *, quick: bool) -> dict[str, Any]:
    """The JSON that a benchmark prints; a later option wins over an earlier one.

    Raises:
        click.ClickException: It failed; its own words are on stderr.
    """
    arguments = (*bench.arguments, *(bench.quick if quick else ()))
    say(f"{bench.module} {' '.join(arguments)}")
    done = subprocess.run(
        [sys.executable, "-m", bench.module, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        cwd=ROOT,
    )
    if done.returncode:
        raise click.ClickException(f"{bench.module} ended with exit code {done.returncode}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


if __name__ == "__main__":
    main()
