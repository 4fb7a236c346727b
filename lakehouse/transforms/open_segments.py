"""Segments: the tracks that the positions of each MMSI fall into. Numpy only.

The segments that are still open are all that is remembered of a vessel, at most ``SLOTS`` to an MMSI.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lakehouse.transforms.same_ship import MAX_SILENCE_H, US_PER_HOUR, Bools, Floats

Longs = NDArray[np.int64]

SLOTS = 6
"""Open segments to an MMSI."""

ESTABLISHED_REPORTS, ESTABLISHED_H = 10, 0.5
"""From when on a segment is a ship and no longer perhaps an error."""

DOUBT_H = 0.5
"""Silence after which a segment that is not established, and began beside one that is, gets nothing any more."""

COLUMNS = (
    "started_us",
    "head_us", "head_lat_deg", "head_lon_deg", "head_sog_kn", "head_cog_deg",
    "ahead_us", "ahead_lat_deg", "ahead_lon_deg", "ahead_sog_kn", "ahead_cog_deg",
    "reports", "began_beside",
)  # fmt: skip
"""What is known of a segment. ``head`` is its last position. ``ahead`` is one that came after more than an hour of
silence and that no other has confirmed yet, NaN where there is none: a clock may have jumped. ``reports`` counts its
positions; ``began_beside`` is 1 where an established segment of the MMSI was near when it began.
"""

STARTED, REPORTS, BESIDE = 0, 11, 12
HEAD, AHEAD = slice(1, 6), slice(6, 11)
HEAD_US, AHEAD_US = 1, 6


@dataclass(frozen=True, slots=True)
class Segments:
    """Segments, one a row.

    Attributes:
        mmsi: Number under which the segment sails.
        values: ``COLUMNS``; instants in epoch microseconds, which a double holds exactly.
        is_open: Further positions may come to it.
        is_noise: It ended without ever being established, while another segment of the MMSI was.
    """

    mmsi: Longs
    values: Floats
    is_open: Bools
    is_noise: Bools

    @classmethod
    def none(cls) -> Segments:
        """What is known before the first position."""
        return cls.from_columns({"mmsi": np.zeros(0, np.int64)})

    @classmethod
    def from_columns(cls, columns: Mapping[str, Any]) -> Segments:
        """Open segments from the columns of a table, in any order of rows.

        Columns that are absent are unknown; ``mmsi``, ``started_us`` and the head's instant and place must be there
        wherever there are rows.
        """
        mmsi = np.asarray(columns["mmsi"], np.int64)
        values = np.full((len(mmsi), len(COLUMNS)), np.nan)
        values[:, REPORTS], values[:, BESIDE] = 1, 0
        for place, name in enumerate(COLUMNS):
            if name in columns:
                values[:, place] = columns[name]
        return cls(mmsi, values, np.ones(len(mmsi), bool), np.zeros(len(mmsi), bool)).still_open()

    def to_columns(self) -> dict[str, NDArray[Any]]:
        """Columns of a table; ``from_columns`` reads them.

        ``segment_id``, ``last_us``, ``hours`` and ``is_established`` follow from the others.
        """
        kept = {name: self.values[:, place] for place, name in enumerate(COLUMNS)}
        return {
            "segment_id": segment_id(self.mmsi, self.started_us), "mmsi": self.mmsi, **kept,
            "last_us": last_us(self.values), "hours": hours(self.values),
            "is_established": is_established(self.values), "is_open": self.is_open, "is_noise": self.is_noise,
        }  # fmt: skip

    @property
    def started_us(self) -> Longs:
        """With the MMSI, the segment's identity."""
        return self.values[:, STARTED].astype(np.int64)

    def still_open(self) -> Segments:
        """What the next batch must know, in the order of MMSI and beginning."""
        rows = np.lexsort((self.values[:, STARTED], self.mmsi))
        return self._only(rows[self.is_open[rows]])

    def no_longer_open(self) -> Segments:
        """Those that nothing can come to any more."""
        return self._only(np.flatnonzero(~self.is_open))

    def _only(self, rows: Longs) -> Segments:
        return Segments(self.mmsi[rows], self.values[rows], self.is_open[rows], self.is_noise[rows])


def together(*parts: Segments) -> Segments:
    """The segments of all parts, one after the other."""
    return Segments(
        np.concatenate([part.mmsi for part in parts]), np.concatenate([part.values for part in parts]),
        np.concatenate([part.is_open for part in parts]), np.concatenate([part.is_noise for part in parts]),
    )  # fmt: skip


def segment_id(mmsi: Longs, started_us: Longs) -> NDArray[np.str_]:
    """Names of segments: the MMSI and the instant of the first position, as Global Fishing Watch writes them.

    >>> segment_id(np.array([338013000]), np.array([1500336440000000])).tolist()
    ['338013000-2017-07-18T00:07:20.000000Z']
    """
    instants = np.datetime_as_string(started_us.astype("datetime64[us]"), timezone="UTC")
    return np.strings.add(np.strings.add(mmsi.astype(str), "-"), instants)


def last_us(values: Floats) -> Floats:
    """Instant of the newest position, believed or not yet."""
    return np.fmax(values[..., HEAD_US], values[..., AHEAD_US])


def hours(values: Floats) -> Floats:
    """Hours from the first position to the newest."""
    age: Floats = (last_us(values) - values[..., STARTED]) / US_PER_HOUR
    return age


def is_established(values: Floats) -> Bools:
    """Ten positions over half an hour. Never ceases to be so."""
    established: Bools = (values[..., REPORTS] >= ESTABLISHED_REPORTS) & (hours(values) >= ESTABLISHED_H)
    return established


def is_in_doubt(values: Floats, at_us: Floats | float) -> Bools:
    """Not established, begun beside one that is, and silent for half an hour at this instant."""
    silence_h = (at_us - last_us(values)) / US_PER_HOUR
    doubted: Bools = ~is_established(values) & (values[..., BESIDE] == 1) & (silence_h > DOUBT_H)
    return doubted


def ended(segments: Segments, watermark_us: Floats | float) -> Segments:
    """The segments, those closed that have been silent for too long: 24 hours, or half an hour where in doubt.

    Labels do not depend on when this is called; it only gives memory back and tells noise.

    Args:
        segments: All open segments of their MMSIs.
        watermark_us: Event time before which no position is expected, of all or of each. Not the newest stamp, which
            may be wrong.
    """
    silence_h = (watermark_us - last_us(segments.values)) / US_PER_HOUR
    closes = segments.is_open & ((silence_h > MAX_SILENCE_H) | is_in_doubt(segments.values, watermark_us))
    established = is_established(segments.values)
    has_ship = np.isin(segments.mmsi, segments.mmsi[established])
    return Segments(
        segments.mmsi, segments.values, segments.is_open & ~closes,
        segments.is_noise | (closes & ~established & has_ship),
    )  # fmt: skip
