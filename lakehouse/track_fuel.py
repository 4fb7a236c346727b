"""Fuel by day of the tracks that are stated anew: which ship each is, by register or guess, and what it burnt."""

from __future__ import annotations

from pyspark.sql import DataFrame

from contracts import tables as t
from contracts.fuel_model import load_fuel_model
from contracts.regulation import load_regulation
from contracts.regulation.emission_control_areas import control_areas
from lakehouse.transforms.modelled_days import modelled_days, ships_to_model
from lakehouse.transforms.track_draughts import told_draughts, with_draught
from lakehouse.transforms.track_identity import particulars
from lakehouse.transforms.track_intervals import track_intervals


def track_fuel(
    tail: DataFrame, tracks: DataFrame, identities: DataFrame, register: DataFrame, jump_limit_kn: float
) -> DataFrame:
    """Rows of ``gold.track_fuel`` of all days of which the tail has a position.

    Args:
        tail: Positions of the tracks as `track_intervals` wants them.
        tracks: Segments with the track and the identity of each.
        identities: ``silver.identities`` of their MMSIs.
        register: ``silver.ship_register``.
        jump_limit_kn: Fastest speed that a vessel can have.
    """
    model, regulation = load_fuel_model(), load_regulation()
    ships = ships_to_model(particulars(tracks, identities), register, model)
    ships = ships.localCheckpoint()  # asked twice: what was told of their draught is held against the register's
    intervals = track_intervals(tail, control_areas(), jump_limit_kn)
    loaded = with_draught(intervals, told_draughts(tracks, identities, ships))
    return modelled_days(loaded, ships, model, regulation).select(t.GOLD_TRACK_FUEL.columns)
