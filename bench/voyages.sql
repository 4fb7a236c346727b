-- gold.voyage_analytics by hand in DuckDB, from the same Delta files.
WITH measured AS (
  SELECT *,
         CASE WHEN arrived_at >= departed_at THEN (epoch_us(arrived_at) - epoch_us(departed_at)) / 3.6e9 END
           AS duration_hours,
         arrived_at > scheduled_arrival_at AS is_delayed,
         CASE WHEN arrived_at IS NOT NULL AND scheduled_arrival_at IS NOT NULL
              THEN greatest(0, (epoch_us(arrived_at) - epoch_us(scheduled_arrival_at)) / 3.6e9) END AS delay_hours
  FROM delta_scan('{folder}/voyages')
  WHERE departed_on IS NOT NULL
)
SELECT voyage_id, mmsi, imo_number, route_id, from_locode, to_locode, departed_on, departed_at, arrived_at,
       scheduled_arrival_at, status, duration_hours, is_delayed, delay_hours, distance_nm,
       distance_nm / nullif(duration_hours, 0) AS mean_speed_kn,
       count(is_delayed) OVER week AS route_voyages_7d,
       avg(is_delayed::INTEGER) OVER week AS route_delayed_share_7d,
       delay_cause, source,
       CASE WHEN status = 'cancelled' THEN 'cancelled' WHEN is_delayed THEN 'delayed' WHEN NOT is_delayed THEN 'on_time'
            WHEN status = 'in_progress' THEN 'in_progress' END AS schedule_status,
       'declared' AS basis,  -- the tables of this measurement hold no positions
       NULL::VARCHAR AS sailing_id, NULL::TIMESTAMPTZ AS sailed_departed_at, NULL::TIMESTAMPTZ AS sailed_arrived_at,
       NULL::DOUBLE AS sailed_distance_nm, NULL::DOUBLE AS observed_share, NULL::DOUBLE AS interpolated_share,
       NULL::DOUBLE AS sea_hours, NULL::DOUBLE AS manoeuvring_hours, NULL::DOUBLE AS anchored_hours,
       NULL::DOUBLE AS berth_hours, NULL::DOUBLE AS unknown_hours
FROM measured
WINDOW week AS (PARTITION BY route_id ORDER BY departed_on RANGE BETWEEN INTERVAL 6 DAYS PRECEDING AND CURRENT ROW)
