"""How a report is put on disk: one HTML page that needs nothing beside it, and CSV and Parquet files."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from contracts.fields import Type
from contracts.tables import Table

TWIN = "twin"
DASH = "\N{EN DASH}"
ARROW_TYPES: dict[Type, pa.DataType] = {
    "boolean": pa.bool_(), "int": pa.int32(), "long": pa.int64(), "double": pa.float64(), "string": pa.string(),
    "date": pa.date32(), "timestamp": pa.timestamp("us", "UTC"),
}  # fmt: skip


def write_page(path: Path, template: str, **content: Any) -> Path:  # noqa: ANN401  what a template is given
    """Render a template of this package; values are escaped, plots are given as ``Markup``."""
    pages = Environment(
        loader=PackageLoader("batch_jobs"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    pages.filters.update(number=number, percent=percent, figure=figure)
    written_at = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(pages.get_template(template).render(written_at=written_at, **content), encoding="utf-8")
    return path


def write_csv(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write rows with a header line; null is empty."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_parquet(path: Path, table: Table, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write rows of a table as Parquet; each column says what it is and in which unit."""
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = [
        pa.field(field.name, ARROW_TYPES[field.type], metadata={"comment": field.doc, "unit": field.unit or ""})
        for field in table.fields
    ]
    pq.write_table(pa.Table.from_pylist([dict(row) for row in rows], pa.schema(columns)), path)
    return path


def plot(svg: str) -> Markup:
    """A plot of our own making, to be put into the page as it is."""
    return Markup(svg)  # nosec B704  # drawn by us, from numbers


def source_note(sources: Sequence[str]) -> list[dict[str, Any]]:
    """Each source with whether it is generated; a list such as ``noaa, twin`` counts each of its parts."""
    names = sorted({part.strip() for source in sources for part in source.split(",")})
    return [{"name": name, "is_generated": name == TWIN} for name in names]


def number(value: float | int | None, digits: int = 1) -> str:
    """A number for people; a dash for none."""
    return DASH if value is None else f"{value:,.{0 if isinstance(value, int) else digits}f}"


def percent(share: float | None) -> str:
    """A share as per cent; a dash for none."""
    return DASH if share is None else f"{100 * share:.0f}\N{NO-BREAK SPACE}%"


def figure(value: float | int) -> str:
    """A figure as a command gives it again: all of a count, six digits of a measure."""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.6g}" if abs(value) < 1e5 else f"{value:,.1f}"
