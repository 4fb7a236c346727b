"""Makes ``golden.json``: length, speeds and stops of real tracks by MovingPandas, to compare ours with.

In an environment of its own, since MovingPandas wants another pandas than we do:
``python -m venv mp && mp/bin/pip install movingpandas==0.23.0 && mp/bin/python make.py``
"""

from __future__ import annotations

import json
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path

import movingpandas as mpd  # type: ignore[import-not-found, unused-ignore]
import pandas as pd

HERE = Path(__file__).parent
TRACK = HERE.parent / "shared_mmsi/338013000.csv.gz"
BERTHED = HERE / "solent.csv.gz"
PART = "6h"
STOP_M = 100
STOP_MIN = 10


def main() -> None:
    """Write what MovingPandas says of each six hours of the first segment, of all, of stops in port."""
    rows = _rows(TRACK)
    rows = rows[rows["segment"] == rows["segment"].iloc[0]].drop_duplicates("observed_at")
    whole = _track(rows)
    parts = [_told(_track(part)) for _, part in rows.groupby(rows["observed_at"].dt.floor(PART)) if len(part) > 1]
    whole.add_speed(name="kn", units=("nm", "h"))
    made = {
        "movingpandas": version("movingpandas"), "positions": len(rows), "whole": _told(whole), "parts": parts,
        "median_leg_kn": float(whole.df["kn"].iloc[1:].median()),
        "stops": {str(mmsi): _stops(ship) for mmsi, ship in _rows(BERTHED).groupby("mmsi")},
    }  # fmt: skip
    (HERE / "golden.json").write_text(json.dumps(made, indent=1, default=str) + "\n")


def _rows(path: Path) -> pd.DataFrame:
    rows = pd.read_csv(path, parse_dates=["observed_at"])
    rows["observed_at"] = rows["observed_at"].dt.tz_localize(None)
    return rows


def _track(rows: pd.DataFrame) -> mpd.Trajectory:
    return mpd.Trajectory(rows, traj_id="track", t="observed_at", x="lon_deg", y="lat_deg", crs="epsg:4326")


def _told(track: mpd.Trajectory) -> dict[str, object]:
    hours = track.get_duration().total_seconds() / 3_600
    length_m = float(track.get_length())
    return {"start_at": track.get_start_time(), "length_m": length_m, "mean_kn": length_m / 1_852 / hours}


def _stops(rows: pd.DataFrame) -> list[list[str]]:
    """First and last instant of each time that the ship stayed within a circle of 100 m for ten minutes."""
    found = mpd.TrajectoryStopDetector(_track(rows)).get_stop_time_ranges(
        min_duration=timedelta(minutes=STOP_MIN), max_diameter=STOP_M
    )
    return [[f"{stop.t_0.isoformat()}Z", f"{stop.t_n.isoformat()}Z"] for stop in found]


if __name__ == "__main__":
    main()
