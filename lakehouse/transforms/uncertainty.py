"""How far an attained CII may be from the truth: days without a report, and errors of the fuel itself. Pure.

Attained CII is a ratio, CO2 by distance, of the days that were reported. The days that were not are estimated by it:
the variance is that of a ratio estimator with the correction for a finite year,
``(1 - n/N) n Q / ((n - 1) C^2)`` relative to the ratio, with n of N days reported, C their CO2 and Q the sum of squares
of ``CO2 - ratio * distance`` (Cochran, Sampling Techniques, chapter 6). It is right for days that are missing at
random. Days that are missing in a row tell less: the variance grows by how much the reported days are clumped, at most
by ``(1 + r) / (1 - r)``, where r is the correlation of neighbouring days. If voyages are silent and port days are not,
the estimate itself is off, and no interval from the reported days shows it.

The error of fuel is taken as one error for the whole year, for a meter that reads high does so every day.
The logarithm of the ratio is taken as Student's t, so an interval never reaches below zero.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pyspark.sql import Column
from pyspark.sql import functions as F

from contracts.regulation import RATINGS

Z_90 = 1.6448536269514722
"""95th percentile of the normal distribution: an interval of 90 % reaches so far to both sides."""
LEAST_DEGREES = 3.0
"""With fewer degrees of freedom nothing is told."""
MANY = 1e9
"""Degrees of freedom of what is no sample: Student's t is then the normal distribution."""
LEAST_PAIRS = 10
"""With fewer neighbouring days their correlation is taken as 0."""
HIGHEST_CORRELATION = 0.95
ROUNDING = 1e-9
SURE = 0.9
"""A rating less probable than this is said to be near a boundary."""
ERF = (0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429)
ERF_SCALE = 0.3275911
"""Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26: off by 1.5e-7 at most."""


@dataclass(frozen=True, slots=True)
class FuelError:
    """By how many per cent fuel may be off at 90 % confidence: reported, modelled, modelled of low quality."""

    reported_pct: float
    modelled_pct: float
    modelled_low_pct: float


def noise(days: Column, attained: Column, boundaries: Column, rating: Column, error: FuelError) -> Column:
    """How sure a vessel-year is, from the columns of `year_sums`.

    Args:
        days: Days that the year had when its last report came.
        attained: Attained CII; null for none.
        boundaries: Of the ratings; null for a ship that is not rated.
        rating: The letter; null likewise.
        error: How far fuel may be off.

    Returns:
        A struct: ``width``, how far the logarithm of attained CII may be off to either side at 90 %; ``letters``, the
        probability of each letter, A first; ``is_near_boundary``. Null where too few days are known to say.
    """

    def told(spread: Column) -> Column:
        width = half_width(spread["variance"], spread["freedom"]).alias("width")
        below = below_boundaries(attained, boundaries, spread["variance"], spread["freedom"])
        return once(rating_probabilities(below), lambda letters: _told(width, letters, rating))

    def of(clumped: Column) -> Column:
        parts = F.struct(unobserved_variance(days, clumped).alias("unobserved"), fuel_variance(error).alias("of_fuel"))
        return once(parts, lambda part: once(_spread(part["unobserved"], part["of_fuel"], clumped), told))

    return once(clumping(days), of)


def once(value: Column, use: Callable[[Column], Column]) -> Column:
    """What ``use`` makes of a value that is written down once.

    Spark's planner puts an expression wherever its name is used; in a long chain of formulas that grows without end.
    """
    return F.transform(F.array(value), use)[0]


def unobserved_variance(days: Column, clumped: Column) -> Column:
    """Relative variance of attained CII by days without a report.

    Returns:
        0 where every day is reported; null for fewer than two days, or without CO2.
    """
    n, co2 = F.col("days_reported"), F.nullif(F.col("co2_t"), F.lit(0.0))
    variance = (1 - n / days) * clumped * n * _squares("") / (F.nullif(n - 1, F.lit(0)) * co2 * co2)
    return F.when(n >= days, 0.0).otherwise(variance)


def clumping(days: Column) -> Column:
    """How many times the variance of days at random the reported days have, as they lie in runs; at least 1."""
    n = F.col("days_reported")
    runs_at_random = n * (days - n + 1) / days
    together = _squares("next_") / F.nullif(F.col("pairs"), F.lit(0))
    correlation = F.when(F.col("pairs") >= LEAST_PAIRS, together * n / F.nullif(_squares(""), F.lit(0.0)))
    r = F.least(F.greatest(F.coalesce(correlation, F.lit(0.0)), F.lit(0.0)), F.lit(HIGHEST_CORRELATION))
    inflation = once(r, lambda r: (1 + r) / (1 - r))
    return F.greatest(F.lit(1.0), F.least(runs_at_random / F.col("runs"), inflation))


def fuel_variance(error: FuelError) -> Column:
    """Relative variance of attained CII by errors of the fuel: of the reports, and apart from them of the model."""
    reported = F.col("co2_reported_t") * _sd(error.reported_pct)
    modelled = F.col("co2_modelled_t") * _sd(error.modelled_pct)
    modelled += F.col("co2_modelled_low_t") * _sd(error.modelled_low_pct)
    co2 = F.nullif(F.col("co2_t"), F.lit(0.0))
    return (reported * reported + modelled * modelled) / (co2 * co2)


def half_width(variance: Column, freedom: Column) -> Column:
    """How far the logarithm of attained CII may be off to either side at 90 %; null below `LEAST_DEGREES`.

    The quantile of Student's t is that of the normal distribution turned by Abramowitz and Stegun 26.7.8.
    """
    shrink = 1 - 1 / (4 * freedom)
    quantile = Z_90 / F.sqrt(shrink * shrink - Z_90 * Z_90 / (2 * freedom))
    return F.when(freedom >= LEAST_DEGREES, quantile * F.sqrt(variance))


def below_boundaries(attained: Column, boundaries: Column, variance: Column, freedom: Column) -> Column:
    """Probability that the true CII is at or below each boundary, as an array; null below `LEAST_DEGREES`."""
    is_known = (freedom >= LEAST_DEGREES) & (variance * attained).isNotNull() & boundaries.isNotNull()

    def below(boundary: Column) -> Column:
        distance = F.log(boundary / F.nullif(attained, F.lit(0.0)))
        z = once(
            distance / F.nullif(F.sqrt(variance), F.lit(0.0)),
            lambda t: t * (1 - 1 / (4 * freedom)) / F.sqrt(1 + t * t / (2 * freedom)),
        )
        return F.coalesce(normal_cdf(z), (attained <= boundary).cast("double"))

    return F.when(is_known, F.transform(boundaries, below))


def rating_probabilities(below: Column) -> Column:
    """Probability of each letter as an array, A first, from `below_boundaries`; null where that is."""

    def letters(below: Column) -> Column:
        steps = [F.lit(0.0), *(below[i] for i in range(len(RATINGS) - 1)), F.lit(1.0)]
        return F.array(*(F.greatest(F.lit(0.0), steps[i + 1] - steps[i]) for i in range(len(RATINGS))))

    return once(below, lambda below: F.when(below.isNotNull(), letters(below)))


def normal_cdf(z: Column) -> Column:
    """Share of the normal distribution below z."""

    def upper(x: Column, t: Column) -> Column:
        tail = F.lit(0.0)
        for coefficient in reversed(ERF):
            tail = (tail + coefficient) * t
        return 1 - tail * F.exp(-x * x) / 2

    def of_side(z: Column) -> Column:
        above = once(F.abs(z) / 2**0.5, lambda x: once(1 / (1 + ERF_SCALE * x), lambda t: upper(x, t)))
        return once(above, lambda above: F.when(z >= 0, above).otherwise(1 - above))

    return once(z, of_side)


def _spread(unobserved: Column, of_fuel: Column, clumped: Column) -> Column:
    """Both variances together, and their degrees of freedom (Welch and Satterthwaite).

    `MANY` where every day is reported.
    """
    of_days = F.greatest(F.col("days_reported") / clumped - 1, F.lit(0.1))
    ratio = (unobserved + of_fuel) / F.nullif(unobserved, F.lit(0.0))
    freedom = F.least(F.coalesce(of_days * ratio * ratio, F.lit(MANY)), F.lit(MANY))
    return F.struct((unobserved + of_fuel).alias("variance"), freedom.alias("freedom"))


def _told(width: Column, letters: Column, rating: Column) -> Column:
    place = F.array_position(F.array(*map(F.lit, RATINGS)), rating).cast("int")
    own = F.try_element_at(letters, F.nullif(place, F.lit(0)))
    return F.struct(width, letters.alias("letters"), (own < SURE).alias("is_near_boundary"))


def _squares(neighbours: str) -> Column:
    """Sum of squares of residuals of CO2 on distance, or of products of neighbouring residuals; never below 0.

    It is a small difference of large sums: what may be rounding counts as 0.
    """
    ratio = F.col("co2_t") / F.nullif(F.col("distance_nm"), F.lit(0.0))
    co2_co2, co2_nm, nm_nm = (F.col(f"{neighbours}{name}") for name in ("co2_co2", "co2_nm", "nm_nm"))
    both = co2_nm if neighbours else 2 * co2_nm
    squares = co2_co2 - ratio * both + ratio * ratio * nm_nm
    return once(squares, lambda squares: F.when(squares > ROUNDING * F.col("co2_co2"), squares).otherwise(0.0))


def _sd(error_pct: float) -> float:
    return error_pct / 100 / Z_90
