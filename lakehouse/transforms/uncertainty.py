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

from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame
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
FAR = 40.0
"""So many standard deviations off, there is no probability left that a double could hold."""
ERF = (0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429)
ERF_SCALE = 0.3275911
"""Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26: off by 1.5e-7 at most."""


@dataclass(frozen=True, slots=True)
class FuelError:
    """By how many per cent fuel may be off at 90 % confidence: reported, modelled, modelled of low quality."""

    reported_pct: float
    modelled_pct: float
    modelled_low_pct: float


def with_noise(rows: DataFrame, days: Column, attained: str, error: FuelError) -> DataFrame:
    """Rated sums of a vessel-year or a voyage with how sure they are.

    What is used more than once is a column of its own: written out wherever it is used, the formulas grow without end
    in Spark's planner, and as functions within functions in Sail's.

    Args:
        rows: Columns of `year_sums`, ``boundaries`` (null for a ship that is not rated) and ``cii_rating``.
        days: Days that there were when the last report came.
        attained: The column of attained CII; null for none.
        error: How far fuel may be off.

    Returns:
        The same with ``width``, how far the logarithm of attained CII may be off to either side at 90 %; ``letters``,
        the probability of each letter, A first; ``is_near_boundary``. Null where too few days are known to say.
    """
    found = rows.withColumns({"squares": _squares(""), "next_squares": _squares("next_")})
    found = found.withColumn("correlation", _correlation())
    found = found.withColumn("clumped", clumping(days))
    found = found.withColumns({"unobserved": unobserved_variance(days), "of_fuel": fuel_variance(error)})
    found = found.withColumns({"variance": F.col("unobserved") + F.col("of_fuel"), "freedom": _freedom()})
    found = found.withColumns(
        {"width": half_width(F.col("variance"), F.col("freedom")), "below": below_boundaries(F.col(attained))}
    )
    found = found.withColumn("letters", rating_probabilities(F.col("below")))
    return found.withColumn("is_near_boundary", _own_probability() < SURE)


def unobserved_variance(days: Column) -> Column:
    """Relative variance of attained CII by days without a report.

    Returns:
        0 where every day is reported; null for fewer than two days, or without CO2.
    """
    n, co2 = F.col("days_reported"), F.nullif(F.col("co2_t"), F.lit(0.0))
    variance = (1 - n / days) * F.col("clumped") * n * F.col("squares") / (F.nullif(n - 1, F.lit(0)) * co2 * co2)
    return F.when(n >= days, 0.0).otherwise(variance)


def clumping(days: Column) -> Column:
    """How many times the variance of days at random the reported days have, as they lie in runs; at least 1."""
    n, r = F.col("days_reported"), F.col("correlation")
    runs_at_random = n * (days - n + 1) / days
    return F.greatest(F.lit(1.0), F.least(runs_at_random / F.col("runs"), (1 + r) / (1 - r)))


def _correlation() -> Column:
    """Of neighbouring days, from 0 to `HIGHEST_CORRELATION`; 0 where too few are known."""
    together = F.col("next_squares") / F.nullif(F.col("pairs"), F.lit(0))
    found = together * F.col("days_reported") / F.nullif(F.col("squares"), F.lit(0.0))
    enough = F.when(F.col("pairs") >= LEAST_PAIRS, found)
    return F.least(F.greatest(F.coalesce(enough, F.lit(0.0)), F.lit(0.0)), F.lit(HIGHEST_CORRELATION))


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


def below_boundaries(attained: Column) -> Column:
    """Probability that the true CII is at or below each boundary, as an array; null below `LEAST_DEGREES`."""
    variance, freedom, boundaries = F.col("variance"), F.col("freedom"), F.col("boundaries")
    is_known = (freedom >= LEAST_DEGREES) & (variance * attained).isNotNull() & boundaries.isNotNull()

    def distance(boundary: Column) -> Column:
        in_sd = F.log(boundary / F.nullif(attained, F.lit(0.0))) / F.nullif(F.sqrt(variance), F.lit(0.0))
        return F.when(variance > 0, in_sd).otherwise(F.when(attained <= boundary, FAR).otherwise(-FAR))

    def normal(t: Column) -> Column:
        return t * (1 - 1 / (4 * freedom)) / F.sqrt(1 + t * t / (2 * freedom))

    return F.when(is_known, reduce(F.transform, (distance, normal, normal_cdf), boundaries))


def rating_probabilities(below: Column) -> Column:
    """Probability of each letter as an array, A first, from `below_boundaries`; null where that is."""
    steps = [F.lit(0.0), *(below[i] for i in range(len(RATINGS) - 1)), F.lit(1.0)]
    letters = F.array(*(F.greatest(F.lit(0.0), steps[i + 1] - steps[i]) for i in range(len(RATINGS))))
    return F.when(below.isNotNull(), letters)


def normal_cdf(z: Column) -> Column:
    """Share of the normal distribution below z."""
    x = F.abs(z) / 2**0.5
    t = 1 / (1 + ERF_SCALE * x)
    tail = F.lit(0.0)
    for coefficient in reversed(ERF):
        tail = (tail + coefficient) * t
    return 0.5 + F.signum(z) * (1 - tail * F.exp(-x * x)) / 2


def _freedom() -> Column:
    """Degrees of freedom of both variances together (Welch and Satterthwaite); `MANY` where every day is reported."""
    of_days = F.greatest(F.col("days_reported") / F.col("clumped") - 1, F.lit(0.1))
    ratio = (F.col("unobserved") + F.col("of_fuel")) / F.nullif(F.col("unobserved"), F.lit(0.0))
    return F.least(F.coalesce(of_days * ratio * ratio, F.lit(MANY)), F.lit(MANY))


def _own_probability() -> Column:
    """Probability of the letter that the row has."""
    place = F.array_position(F.array(*map(F.lit, RATINGS)), F.col("cii_rating")).cast("int")
    return F.try_element_at("letters", F.nullif(place, F.lit(0)))


def _squares(neighbours: str) -> Column:
    """Sum of squares of residuals of CO2 on distance, or of products of neighbouring residuals; never below 0.

    It is a small difference of large sums: what may be rounding counts as 0.
    """
    ratio = F.col("co2_t") / F.nullif(F.col("distance_nm"), F.lit(0.0))
    co2_co2, co2_nm, nm_nm = (F.col(f"{neighbours}{name}") for name in ("co2_co2", "co2_nm", "nm_nm"))
    both = co2_nm if neighbours else 2 * co2_nm
    squares = co2_co2 - ratio * both + ratio * ratio * nm_nm
    return F.when(squares > ROUNDING * F.col("co2_co2"), squares).otherwise(0.0)


def _sd(error_pct: float) -> float:
    return error_pct / 100 / Z_90
