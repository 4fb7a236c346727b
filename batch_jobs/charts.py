"""Plots for the reports, as SVG text that is put into the page: sharp in print, and no file beside it."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from html import escape
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

INK, SOFT, GRID = "#1f2933", "#7b8794", "#e4e7eb"
BLUE, ORANGE = "#1f6f9f", "#d9822b"
DARK_LETTERS = ("A", "D", "E")
"""Ratings whose colour takes white letters; the others take dark ones."""
RATING_COLOURS = {"A": "#1a7f4b", "B": "#7fb84a", "C": "#e3b505", "D": "#e07b28", "E": "#b3261e"}
BAR_WIDTH = 150
FEW_DAYS = 14
WIDTH_IN = 5.4
"""Of a plot: its letters are as large as the page's on a wide screen, and can still be read on a telephone."""
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


def bars(values: Mapping[str, float], x_label: str, y_label: str, about: str) -> str:
    """One bar per name with its number above; ``about`` says what the plot shows to those who do not see it."""
    with mpl.rc_context(STYLE):
        figure, axes = _axes(x_label, y_label)
        drawn = axes.bar(list(values), list(values.values()), color=BLUE, width=0.72)
        axes.bar_label(drawn, [f"{value:,.0f}" for value in values.values()], padding=2, color=INK)
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.margins(y=0.14)
        return svg_of(figure, about)


def lying_bars(values: Mapping[str, tuple[float, str]], x_label: str, about: str) -> str:
    """One lying bar per name, the first on top, in the colour of its letter and with both written right of it."""
    with mpl.rc_context({**STYLE, "axes.grid.axis": "x"}):
        figure = Figure(figsize=(WIDTH_IN, 0.6 + 0.27 * len(values)), layout="constrained")
        axes = figure.add_subplot()
        colours = [RATING_COLOURS[letter] for _, letter in values.values()]
        axes.barh(list(values), [value for value, _ in values.values()], color=colours, height=0.7)
        for name, (value, letter) in values.items():  # of a bar below zero too: left of it stands its name
            at = (max(value, 0), name)
            axes.annotate(f"{value:+,.0f} %  {letter}", at, (4, 0), textcoords="offset points", va="center", color=INK)
        axes.invert_yaxis()
        axes.margins(x=0.2)
        axes.tick_params(length=0)
        axes.set_xlabel(x_label)
        return svg_of(figure, about)


def rating_pairs(
    now: Mapping[str, int], later: Mapping[str, int], labels: tuple[str, str], y_label: str, about: str
) -> str:
    """Ratings A to E side by side: under the limit of the year, and under another one (hatched)."""
    with mpl.rc_context({**STYLE, "hatch.color": "white", "hatch.linewidth": 2}):
        figure, axes = _axes("Rating", y_label)
        for offset, counts, hatch in ((-0.2, now, None), (0.2, later, "///")):
            places = [index + offset for index in range(len(RATING_COLOURS))]
            heights = [counts.get(letter, 0) for letter in RATING_COLOURS]
            drawn = axes.bar(places, heights, width=0.38, color=list(RATING_COLOURS.values()), hatch=hatch)
            axes.bar_label(drawn, [f"{height:,}" for height in heights], padding=2, color=INK)
        axes.set_xticks(range(len(RATING_COLOURS)), list(RATING_COLOURS))
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.margins(y=0.14)
        axes.set_title(f"plain: {labels[0]} · hatched: {labels[1]}", loc="left", fontsize=10, color=SOFT)
        return svg_of(figure, about)


def ratings_by_year(counts: Mapping[int, Mapping[str, int]], y_label: str, about: str) -> str:
    """Ships by rating, A at the bottom, stacked for each year; each part with its letter and number."""
    with mpl.rc_context(STYLE):
        figure, axes = _axes("under the limits of", y_label, height_in=3.6)
        names, base = [str(year) for year in counts], np.zeros(len(counts))
        least = max(sum(of_year.values()) for of_year in counts.values()) / 28  # a lower part has no room for letters
        for letter, colour in RATING_COLOURS.items():
            heights = np.array([of_year.get(letter, 0) for of_year in counts.values()])
            drawn = axes.bar(names, heights, bottom=base, color=colour, width=0.8, label=letter, edgecolor="white")
            told = [f"{letter} {n:,}" if n >= least else "" for n in heights]
            ink = "white" if letter in DARK_LETTERS else INK
            axes.bar_label(drawn, told, label_type="center", color=ink, fontsize=8)
            base = base + heights
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=len(RATING_COLOURS), borderaxespad=0)
        return svg_of(figure, about)


def on_scale(value: float, ends: tuple[float, float] | None, boundaries: Sequence[float]) -> str:
    """A CII on its five letters: a dot, a line over its interval, and the boundaries to scale."""
    low, high = boundaries[0] * 0.75, boundaries[-1] * 1.25

    def x(at: float) -> float:
        return round((min(max(at, low), high) - low) / (high - low) * BAR_WIDTH, 1)

    edges = [0.0, *(x(boundary) for boundary in boundaries), float(BAR_WIDTH)]
    parts = [
        f'<rect x="{left}" y="5" width="{round(right - left, 1)}" height="8" fill="{colour}" stroke="white"/>'
        for left, right, colour in zip(edges[:-1], edges[1:], RATING_COLOURS.values(), strict=True)
    ]
    if ends:
        parts.append(f'<path d="M{x(ends[0])} 9H{x(ends[1])}" stroke="{INK}" stroke-width="2"/>')
    parts.append(f'<circle cx="{x(value)}" cy="9" r="4" fill="{INK}" stroke="white"/>')
    label = f"{value:.2f} on boundaries {', '.join(f'{boundary:.2f}' for boundary in boundaries)}"
    head = f'<svg class="scale" width="{BAR_WIDTH}" height="18" viewBox="0 0 {BAR_WIDTH} 18" role="img"'
    return f'{head} aria-label="{label}">{"".join(parts)}</svg>'


def days(series: Mapping[str, Mapping[date, float]], y_label: str, about: str, top: float | None = None) -> str:
    """Lines over days, with a hole where there is none; the first is drawn pale, the last strong.

    ``top`` is the upper end of the scale, where it is known.
    """
    with mpl.rc_context(STYLE):
        figure, axes = _axes("", y_label)
        for index, (name, values) in enumerate(series.items()):
            is_main = index == len(series) - 1
            style: dict[str, Any] = (
                {"color": ORANGE, "linewidth": 2} if is_main else {"color": BLUE, "linewidth": 1, "alpha": 0.6}
            )
            alone = "o" if len(values) <= FEW_DAYS else ""  # a day without neighbours is no line
            axes.plot(*_every_day(values), label=name, marker=alone, markersize=4, **style)
        axes.set_ylim(bottom=0, top=top)
        axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0)
        return svg_of(figure, about)


def _every_day(values: Mapping[date, float]) -> tuple[npt.NDArray[Any], list[float]]:
    """All days from the first to the last; a day without a value is no number, so that no line is drawn over it."""
    span = (max(values) - min(values)).days + 1 if values else 0
    every = [min(values) + timedelta(days=number) for number in range(span)]
    return np.array(every, dtype="datetime64[D]"), [values.get(day, np.nan) for day in every]


def _axes(x_label: str, y_label: str, height_in: float = 2.9) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH_IN, height_in), layout="constrained")
    axes = figure.add_subplot()
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.tick_params(length=0)
    axes.yaxis.set_major_formatter("{x:,.0f}")
    return figure, axes


def svg_of(figure: Figure, about: str) -> str:
    """The plot as text, with a name for those who do not see it."""
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")), transparent=True)
    drawn = text.getvalue()[text.getvalue().index("<svg") :]
    return drawn.replace("<svg", f'<svg role="img" aria-label="{escape(about, quote=True)}"', 1)
