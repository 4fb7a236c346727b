"""NOAA NDBC weather buoys: standard meteorological and continuous wind files, old and new headers.

Columns by the header's names. ``MM`` and a column's own row of nines mean missing: 99 is missing as a wave
height and a lawful wind direction. The buoy's id comes from the file's name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from contracts.dead_letters import reason_of
from contracts.events import Environment
from producers.feeds.base import ABOUT_COLUMNS, ABOUT_STATION, Batch, Context, make_event
from producers.feeds.rows import each_line
from producers.lines import Block

COLUMNS: dict[str, tuple[str, float]] = {
    "WDIR": ("wind_from_deg", 999),
    "WD": ("wind_from_deg", 999),
    "WSPD": ("wind_speed_mps", 99),
    "GST": ("wind_gust_mps", 99),
    "WVHT": ("wave_height_m", 99),
    "DPD": ("wave_period_s", 99),
    "MWD": ("wave_from_deg", 999),
    "PRES": ("pressure_hpa", 9999),
    "BAR": ("pressure_hpa", 9999),
    "ATMP": ("air_temperature_c", 999),
    "WTMP": ("sea_temperature_c", 999),
}
"""Wire field of each column, and the value that means missing."""

_STATION = re.compile(r"(?<![0-9a-z])(\d{5}|\d{2}[a-z]{2}\d|[a-z]{4}\d)(?=h\d{4}|[^0-9a-z]|$)")


def station_of(path: str) -> str:
    """Id of the buoy that a file is of, by its name: ``46002`` of ``46002h2016.txt.gz``; else the name
    itself.
    """
    name = Path(path).name.lower()
    match = _STATION.search(name)
    return match[1] if match else name.split(".")[0]


def read(blocks: Iterator[Block], context: Context) -> Iterator[Batch]:
    """Batches of environment events."""
    station = context.station or station_of(context.name)
    header: list[str] = []

    def take(line: bytes, number: int, batch: Batch) -> None:
        nonlocal header
        cells = _cells(line)
        names = _names(cells)
        if names or cells[0].startswith("#"):
            header = names or header
            batch.ignored["header"] += 1
            return
        batch.about = [(ABOUT_STATION, station.encode()), (ABOUT_COLUMNS, " ".join(header).encode())]
        if len(cells) != len(header):
            batch.reject(number, line, "wrong_number_of_columns")
            return
        row = dict(zip(header, cells, strict=True))
        try:
            at_ms = _epoch_ms(row)
            fields = {**_values(row), "station": station}
        except (ValueError, LookupError):
            batch.reject(number, line, "not_understood")
            return
        try:
            event = make_event(Environment, "environment", context, at_ms, line, fields)
        except ValidationError as error:
            batch.reject(number, line, reason_of(error))
            return
        batch.accept(event, number)

    def with_header(blocks: Iterator[Block]) -> Iterator[Block]:
        """Learn the column names even where a resume passes over the lines that tell them."""
        nonlocal header
        for block in blocks:
            for line in block.lines[:2] if block.first_line == 1 else ():
                header = _names(_cells(line) or [""]) or header
            yield block

    return each_line(with_header(blocks), context, take)


def _cells(line: bytes) -> list[str]:
    """Split as bytes: text knows white space that a line of bytes, judged as not blank, does not."""
    return [cell.decode("latin-1") for cell in line.split()]


def _names(cells: list[str]) -> list[str]:
    """Column names of a first header line; nothing for the line of units below it."""
    first = cells[0].lstrip("#")
    return [first, *cells[1:]] if first in ("YY", "YYYY") else []


def _epoch_ms(row: dict[str, str]) -> int:
    year = int(row.get("YYYY") or row["YY"])
    full_year = year + 1900 if year < 100 else year  # two digits ended with 1998
    minute = int(row.get("mm", "0"))
    instant = datetime(full_year, int(row["MM"]), int(row["DD"]), int(row["hh"]), minute, tzinfo=UTC)
    return int(instant.timestamp()) * 1000


def _values(row: dict[str, str]) -> dict[str, float | None]:
    values: dict[str, float | None] = {}
    for name, (field, missing) in COLUMNS.items():
        if name in row:
            value = None if row[name] == "MM" else float(row[name])
            values[field] = None if value == missing else value
    return values
