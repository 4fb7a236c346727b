"""Closest points of approach, against figures worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from lakehouse.transforms.cpa import closest_approach, offset_nm, velocity_kn


def one(value: float) -> np.ndarray:
    return np.array([value])


def approach(x_nm: float, y_nm: float, vx_kn: float, vy_kn: float) -> tuple[float, float]:
    tcpa_h, dcpa_nm = closest_approach(one(x_nm), one(y_nm), one(vx_kn), one(vy_kn))
    return float(tcpa_h[0]), float(dcpa_nm[0])


@pytest.mark.parametrize(
    ("x_nm", "y_nm", "tcpa_h", "dcpa_nm"),
    [(3, 3, 0.3, 0.0), (4, 3, 0.35, 0.70710678), (-3, -3, -0.3, 4.2426407)],
)
def test_two_ships_that_close_at_a_known_speed_meet_when_and_where_it_was_worked_out(
    x_nm: float, y_nm: float, tcpa_h: float, dcpa_nm: float
) -> None:
    assert approach(x_nm, y_nm, -10, -10) == pytest.approx((tcpa_h, dcpa_nm), abs=1e-7)


def test_ships_that_move_alike_never_get_closer() -> None:
    tcpa_h, dcpa_nm = approach(3, 4, 0, 0)

    assert np.isnan(tcpa_h)
    assert dcpa_nm == 5


def test_an_offset_shrinks_with_the_latitude_and_crosses_the_antimeridian() -> None:
    assert np.concatenate(offset_nm(one(60), one(179.9), one(60), one(-179.9))) == pytest.approx([6, 0])
    assert np.concatenate(offset_nm(one(0), one(-179.9), one(0.1), one(179.9))) == pytest.approx([-12, 6], rel=1e-5)


def test_a_course_is_counted_from_north_by_east() -> None:
    assert np.concatenate(velocity_kn(one(10), one(90))) == pytest.approx([10, 0])
    assert np.concatenate(velocity_kn(one(10), one(180))) == pytest.approx([0, -10])
