"""The map of a report, as SVG text: land, ways over the water, and ports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from batch_jobs.charts import BLUE, INK, ORANGE, SOFT, STYLE, WIDTH_IN, svg_of
from contracts.land import Ring, land

Way = tuple[Sequence[float], Sequence[float], bool]
"""Latitudes and longitudes of a voyage in order of time, and whether it is generated."""
Place = tuple[float, float, str]
"""Latitude, longitude and name."""
Box = tuple[float, float, float, float]
"""Western, eastern, southern and northern end, in degrees."""
LAND = "#eceff3"
NAMED_PORTS = 14
"""Most ports whose names are written; the others are dots."""
LEAST_SPAN_DEG = 4.0
NAME_DEG = (0.16, 0.055)
"""Room for a name, as a share of the map's width and height: a port that has less beside another has no name."""


def world(ways: Sequence[Way], ports: Sequence[Place], labels: tuple[str, str], about: str) -> str:
    """Ways on a plain chart of degrees: recorded ones strong, generated ones dashed, ports as dots, land grey."""
    with mpl.rc_context({**STYLE, "axes.grid.axis": "both", "font.size": 9}):
        box = _box(ways, ports)
        figure = Figure(figsize=(WIDTH_IN, _height_in(box)), layout="constrained")
        axes = figure.add_subplot(xlim=box[:2], ylim=box[2:])
        _draw_land(axes, box)
        styles: dict[bool, dict[str, Any]] = {
            False: {"color": BLUE, "linewidth": 1.2, "label": labels[0]},
            True: {"color": ORANGE, "linewidth": 1, "linestyle": (0, (4, 2)), "label": labels[1]},
        }
        for lat, lon, is_generated in ways:
            axes.plot(*unbroken(lon, lat), **styles[is_generated])
            styles[is_generated].pop("label", None)
        axes.scatter([lon for _, lon, _ in ports], [lat for lat, _, _ in ports], s=9, color=INK, zorder=3)
        for north, east, name in _named(ports, box):
            at_right = east > box[1] - NAME_DEG[0] * (box[1] - box[0])
            place: dict[str, Any] = {"xytext": (-4 if at_right else 4, 3), "ha": "right" if at_right else "left"}
            axes.annotate(name, (east, north), textcoords="offset points", fontsize=8, color=INK, **place)
        axes.set_aspect("equal")
        axes.tick_params(length=0)
        axes.xaxis.set_major_formatter(lambda at, _: _degrees(at, "W", "E"))
        axes.yaxis.set_major_formatter(lambda at, _: _degrees(at, "S", "N"))
        if ways:
            axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0)
        return svg_of(figure, about)


def _box(ways: Sequence[Way], ports: Sequence[Place]) -> Box:
    """What is shown: all of the ways with some room around, within the earth."""
    lats = [at for lat, _, _ in ways for at in lat] + [lat for lat, _, _ in ports]
    lons = [at for _, lon, _ in ways for at in lon] + [lon for _, lon, _ in ports]
    if not lats:
        return -180.0, 180.0, -80.0, 80.0
    width, height = max(lons) - min(lons), max(lats) - min(lats)
    wide = max(width, 1.6 * height, LEAST_SPAN_DEG) * 1.1
    high = max(height, wide / 2.4) * 1.1
    west, east = _spread((min(lons) + max(lons)) / 2, wide, 180)
    south, north = _spread((min(lats) + max(lats)) / 2, high, 85)
    return west, east, south, north


def _spread(middle: float, span: float, end: float) -> tuple[float, float]:
    """So many degrees around the middle, moved to where the earth has them."""
    span = min(span, 2 * end)
    low = min(max(middle - span / 2, -end), end - span)
    return low, low + span


def _height_in(box: Box) -> float:
    west, east, south, north = box
    return WIDTH_IN * (north - south) / (east - west) + 0.6


def _draw_land(axes: Axes, box: Box) -> None:
    """The outlines that reach into the map, without points that nobody could tell apart on it."""
    least = (box[1] - box[0]) / 700
    shown = [thinned(ring, least) for ring in land() if _is_seen(ring, box, 4 * least)]
    outlines = [ring for ring in shown if len(ring) > 3]
    axes.add_collection(PolyCollection(outlines, facecolor=LAND, edgecolor=SOFT, linewidth=0.4, zorder=0))


def _is_seen(ring: Ring, box: Box, least: float) -> bool:
    """Whether an outline reaches into the map and is large enough to be told from a dot."""
    lons, lats = [x for x, _ in ring], [y for _, y in ring]
    is_large = max(max(lons) - min(lons), max(lats) - min(lats)) >= least
    return is_large and (min(lons) < box[1] and max(lons) > box[0] and min(lats) < box[3] and max(lats) > box[2])


def thinned(ring: Sequence[tuple[float, float]], least: float) -> list[tuple[float, float]]:
    """The outline without points that lie nearer than this to the one before; the last closes it.

    >>> thinned([(0, 0), (0.1, 0), (2, 0), (2, 2), (0, 0)], 1)
    [(0, 0), (2, 0), (2, 2), (0, 0)]
    """
    kept = [ring[0]]
    for x, y in ring[1:-1]:
        if max(abs(x - kept[-1][0]), abs(y - kept[-1][1])) >= least:
            kept.append((x, y))
    return [*kept, ring[-1]]


def _named(ports: Sequence[Place], box: Box) -> list[Place]:
    """The first ports whose names do not lie over each other."""
    wide, high = NAME_DEG[0] * (box[1] - box[0]), NAME_DEG[1] * (box[3] - box[2])
    named: list[Place] = []
    for port in ports:
        has_room = all(abs(port[1] - other[1]) > wide or abs(port[0] - other[0]) > high for other in named)
        if has_room and len(named) < NAMED_PORTS:
            named.append(port)
    return named


def _degrees(at: float, below: str, above: str) -> str:
    """A degree as a chart has it.

    >>> _degrees(-30, "W", "E"), _degrees(0, "W", "E"), _degrees(2.5, "S", "N")
    ('30° W', '0°', '2.5° N')
    """
    return f"{abs(at):g}°" + (f" {above if at > 0 else below}" if at else "")


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
