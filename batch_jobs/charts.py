"""Plots for the reports, as SVG text that is put into the page: sharp in print, and no file beside it."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK, SOFT, GRID = "#1f2933", "#7b8794", "#e4e7eb"
BLUE, ORANGE = "#1f6f9f", "#d9822b"
RATING_COLOURS = {"A": "#1a7f4b", "B": "#7fb84a", "C": "#e3b505", "D": "#e07b28", "E": "#b3261e"}
BAR_WIDTH = 150
NAMED_PORTS = 12
"""Most ports whose names are written on a map; the others are dots."""
Way = tuple[Sequence[float], Sequence[float], bool]
"""Latitudes and longitudes of a voyage in order of time, and whether it is generated."""
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text: searchable, and set in the page's own font
    "svg.hashsalt": "maritimeiq",  # the same data give the same file
    "date.converter": "concise",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": SOFT,
    "axes.edgecolor": GRID,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": GRID,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
}


def bars(values: Mapping[str, float], x_label: str, y_label: str, colours: Sequence[str] | str = BLUE) -> str:
    """One bar per name with its number above."""
    with mpl.rc_context(STYLE):
        figure, axes = _axes(x_label, y_label)
        drawn = axes.bar(list(values), list(values.values()), color=colours, width=0.72)
        axes.bar_label(drawn, [f"{value:,.0f}" for value in values.values()], padding=2, color=INK)
        axes.margins(y=0.14)
        return _svg(figure)


def rating_pairs(now: Mapping[str, int], later: Mapping[str, int], labels: tuple[str, str], y_label: str) -> str:
    """Ratings A to E side by side: under the limit of the year, and under another one (hatched)."""
    with mpl.rc_context({**STYLE, "hatch.color": "white", "hatch.linewidth": 2}):
        figure, axes = _axes("Rating", y_label)
        for offset, counts, hatch in ((-0.2, now, None), (0.2, later, "///")):
            places = [index + offset for index in range(len(RATING_COLOURS))]
            heights = [counts.get(letter, 0) for letter in RATING_COLOURS]
            drawn = axes.bar(places, heights, width=0.38, color=list(RATING_COLOURS.values()), hatch=hatch)
            axes.bar_label(drawn, [f"{height:,}" for height in heights], padding=2, color=INK)
        axes.set_xticks(range(len(RATING_COLOURS)), list(RATING_COLOURS))
        axes.margins(y=0.14)
        axes.set_title(f"plain: {labels[0]} · hatched: {labels[1]}", loc="left", fontsize=10, color=SOFT)
        return _svg(figure)


def ratings_by_year(counts: Mapping[int, Mapping[str, int]], y_label: str) -> str:
    """Ships by rating, A at the bottom, stacked for each year; each part with its number."""
    with mpl.rc_context(STYLE):
        figure, axes = _axes("Limits of", y_label)
        names, base = [str(year) for year in counts], np.zeros(len(counts))
        for letter, colour in RATING_COLOURS.items():
            heights = np.array([of_year.get(letter, 0) for of_year in counts.values()])
            drawn = axes.bar(names, heights, bottom=base, color=colour, width=0.72, label=letter)
            axes.bar_label(drawn, [f"{n:,}" if n else "" for n in heights], label_type="center", color="white")
            base = base + heights
        axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=len(RATING_COLOURS), borderaxespad=0)
        return _svg(figure)


def on_scale(value: float, ends: tuple[float, float] | None, boundaries: Sequence[float]) -> str:
    """A CII on its five letters: a dot, a line over its interval, and the boundaries to scale."""
    low, high = boundaries[0] * 0.75, boundaries[-1] * 1.25

    def x(at: float) -> float:
        return round((min(max(at, low), high) - low) / (high - low) * BAR_WIDTH, 1)

    edges = [0.0, *(x(boundary) for boundary in boundaries), float(BAR_WIDTH)]
    parts = [
        f'<rect x="{left}" y="5" width="{round(right - left, 1)}" height="8" fill="{colour}"/>'
        for left, right, colour in zip(edges[:-1], edges[1:], RATING_COLOURS.values(), strict=True)
    ]
    if ends:
        parts.append(f'<path d="M{x(ends[0])} 9H{x(ends[1])}" stroke="{INK}" stroke-width="2"/>')
    parts.append(f'<circle cx="{x(value)}" cy="9" r="4" fill="{INK}" stroke="white"/>')
    label = f"{value:.2f} on boundaries {', '.join(f'{boundary:.2f}' for boundary in boundaries)}"
    head = f'<svg class="scale" width="{BAR_WIDTH}" height="18" viewBox="0 0 {BAR_WIDTH} 18" role="img"'
    return f'{head} aria-label="{label}">{"".join(parts)}</svg>'


def days(series: Mapping[str, Mapping[date, float]], y_label: str) -> str:
    """Lines over days; the first is drawn pale, the last strong."""
    with mpl.rc_context(STYLE):
        figure, axes = _axes("", y_label)
        for index, (name, values) in enumerate(series.items()):
            is_main = index == len(series) - 1
            style: dict[str, Any] = (
                {"color": ORANGE, "linewidth": 2} if is_main else {"color": BLUE, "linewidth": 1, "alpha": 0.45}
            )
            axes.plot(np.array(list(values), dtype="datetime64[D]"), list(values.values()), label=name, **style)
        axes.set_ylim(bottom=0)
        axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0)
        return _svg(figure)


def world(ways: Sequence[Way], ports: Sequence[tuple[float, float, str]], labels: tuple[str, str]) -> str:
    """Ways over the water on a plain chart of degrees: recorded ones strong, generated ones dashed, ports as dots.

    There is no coastline: the graticule and the ports tell where it is.
    """
    with mpl.rc_context({**STYLE, "axes.grid.axis": "both"}):
        figure = Figure(figsize=(7.2, 4.2), layout="constrained")
        axes = figure.add_subplot()
        styles: dict[bool, dict[str, Any]] = {
            False: {"color": BLUE, "linewidth": 1.1, "label": labels[0]},
            True: {"color": ORANGE, "linewidth": 0.8, "linestyle": (0, (4, 2)), "label": labels[1]},
        }
        for lat, lon, is_generated in ways:
            axes.plot(*unbroken(lon, lat), **styles[is_generated])
            styles[is_generated].pop("label", None)
        axes.scatter([lon for _, lon, _ in ports], [lat for lat, _, _ in ports], s=9, color=INK, zorder=3)
        for north, east, name in ports[:NAMED_PORTS]:
            axes.annotate(name, (east, north), (3, 3), textcoords="offset points", fontsize=7, color=SOFT)
        axes.set_aspect("equal", adjustable="datalim")
        axes.set_xlabel("longitude, degrees east")
        axes.set_ylabel("latitude, degrees north")
        if ways:
            axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0)
        return _svg(figure)


def unbroken(lon: Sequence[float], lat: Sequence[float]) -> tuple[list[float], list[float]]:
    """The way with a hole where it crosses the antimeridian: else a line would be drawn round the earth.

    >>> unbroken([179.0, -179.0], [1.0, 2.0])
    ([179.0, nan, -179.0], [1.0, nan, 2.0])
    """
    east: list[float] = []
    north: list[float] = []
    for x, y in zip(lon, lat, strict=True):
        if east and abs(x - east[-1]) > 180:
            east.append(np.nan)
            north.append(np.nan)
        east.append(x)
        north.append(y)
    return east, north


def _axes(x_label: str, y_label: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(7.2, 3), layout="constrained")
    axes = figure.add_subplot()
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.tick_params(length=0)
    axes.yaxis.set_major_formatter("{x:,.0f}")
    return figure, axes


def _svg(figure: Figure) -> str:
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")), transparent=True)
    return text.getvalue()[text.getvalue().index("<svg") :]
