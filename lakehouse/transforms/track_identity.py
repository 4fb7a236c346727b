"""Which ship each track is, by what was told under its MMSI while it was heard. Pure."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.transforms.segment_identity import segment_identities

PARTICULARS = ("ship_type_code", "length_m", "beam_m")
"""What an identity tells of its ship: part of its fingerprint, so that every report of it tells the same."""


def with_identity(labels: DataFrame, identities: DataFrame) -> DataFrame:
    """The segments with ``identity_id`` and ``imo_number`` of their track.

    Of several identities the one told in most hours counts. Both are null where no report is of the track beyond doubt,
    the IMO number also where its check digit is wrong.

    Args:
        labels: All segments of their MMSIs: ``segment_id``, ``mmsi``, ``track_id``, ``is_noise``, ``began_at``,
            ``heard_at``.
        identities: ``silver.identities`` of these MMSIs.
    """
    heard = labels.withColumn("head_at", F.col("heard_at"))
    told = segment_identities(heard, identities).join(labels.select("segment_id", "track_id"), "segment_id")
    hours = told.groupBy("track_id", "identity_id").agg(F.sum("hours_told").alias("hours_told"))
    most = F.max_by("identity_id", F.struct("hours_told", "identity_id"))
    best = hours.groupBy("track_id").agg(most.alias("identity_id"))
    numbers = identities.where("is_imo_valid").groupBy("identity_id").agg(F.min("imo_number").alias("imo_number"))
    return labels.join(best, "track_id", "left").join(numbers, "identity_id", "left")


def identity_revisions(tracks: DataFrame, before: DataFrame, identities: DataFrame) -> DataFrame:
    """Tracks that are now told to be another ship than they were: rows of ``gold.identity_revisions``.

    A track of which nothing was told before is not revised, but known.

    Args:
        tracks: Segments with ``track_id``, ``mmsi``, ``identity_id`` and ``imo_number``, as they are now.
        before: The same as they are stored.
        identities: ``silver.identities`` of these MMSIs.
    """
    was = before.where("identity_id IS NOT NULL").select(
        "track_id", F.col("identity_id").alias("was_identity_id"), F.col("imo_number").alias("was_imo_number")
    )
    now = tracks.select("track_id", "mmsi", "identity_id", "imo_number").distinct()
    is_another = ~F.col("identity_id").eqNullSafe(F.col("was_identity_id"))
    newest = identities.groupBy("mmsi").agg(F.max("observed_at").alias("told_at"))
    return now.join(was.distinct(), "track_id").where(is_another).join(newest, "mmsi")


def particulars(tracks: DataFrame, identities: DataFrame) -> DataFrame:
    """One row per track whose identity is known, for `ships_to_model`.

    Args:
        tracks: Segments with ``track_id``, ``identity_id`` and ``imo_number``.
        identities: ``silver.identities`` of their MMSIs.

    Returns:
        ``track_id``, ``imo_number``, `PARTICULARS`, and nulls for ``draught_m`` and ``sog_kn``, which no identity
        tells.
    """
    told = identities.groupBy("identity_id").agg(*(F.min(name).alias(name) for name in PARTICULARS))
    known = tracks.select("track_id", "identity_id", "imo_number").distinct().join(told, "identity_id")
    nothing = F.lit(None).cast("double")
    return known.select("track_id", "imo_number", *PARTICULARS, nothing.alias("draught_m"), nothing.alias("sog_kn"))
