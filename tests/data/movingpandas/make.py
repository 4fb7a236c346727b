"""Makes ``golden.json``: length and speeds of a real track by MovingPandas, to compare ours with.

In an environment of its own, since MovingPandas wants another pandas than we do:
``python -m venv mp && mp/bin/pip install movingpandas==0.23.0 && mp/bin/python make.py``
"""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

import movingpandas as mpd  # type: ignore[import-not-found, unused-ignore]
import pandas as pd

HERE = Path(__file__).parent
TRACK = HERE.parent / "shared_mmsi/338013000.csv.gz"
PART = "6h"


def main() -> None:
    """Write what MovingPandas says of each six hours of the first segment, and of all of it."""
    rows = pd.read_csv(TRACK, parse_dates=["observed_at"])
    rows = rows[rows["segment"] == rows["segment"].iloc[0]].drop_duplicates("observed_at")
    rows["observed_at"] = rows["observed_at"].dt.tz_localize(None)
    whole = _track(rows)
    parts = [_told(_track(part)) for _, part in rows.groupby(rows["observed_at"].dt.floor(PART)) if len(part) > 1]
    whole.add_speed(name="kn", units=("nm", "h"))
    made = {
        "movingpandas": version("movingpandas"), "positions": len(rows), "whole": _told(whole), "parts": parts,
        "median_leg_kn": float(whole.df["kn"].iloc[1:].median()),
    }  # fmt: skip
    (HERE / "golden.json").write_text(json.dumps(made, indent=1, default=str) + "\n")


def _track(rows: pd.DataFrame) -> mpd.Trajectory:
    return mpd.Trajectory(rows, traj_id="track", t="observed_at", x="lon_deg", y="lat_deg", crs="epsg:4326")


def _told(track: mpd.Trajectory) -> dict[str, object]:
    hours = track.get_duration().total_seconds() / 3_600
    length_m = float(track.get_length())
    return {"start_at": track.get_start_time(), "length_m": length_m, "mean_kn": length_m / 1_852 / hours}


if __name__ == "__main__":
    main()
