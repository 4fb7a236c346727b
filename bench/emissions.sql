-- gold.emission_compliance by hand in DuckDB, from the same Delta files. One calendar year.
WITH ships AS (
  SELECT imo_number, cii_ship_type, gross_tonnage, unit AS capacity_unit,
         CASE WHEN unit = 'dwt' THEN dwt_t WHEN unit = 'gt' THEN gross_tonnage END AS capacity
  FROM delta_scan('{folder}/ship_register') LEFT JOIN units USING (cii_ship_type)
), noted AS (
  SELECT *, CASE WHEN cii_ship_type IS NULL THEN 'ship type unknown'
                 WHEN capacity_unit IS NULL THEN 'ship type not in scope: ' || cii_ship_type
                 WHEN gross_tonnage IS NULL THEN 'gross tonnage unknown'
                 WHEN gross_tonnage < 5000 THEN 'below 5,000 gross tonnage'
                 WHEN coalesce(capacity, 0) <= 0 THEN 'capacity unknown' END AS ship_note
  FROM ships
), limits AS (
  SELECT n.imo_number, n.cii_ship_type, n.capacity, n.capacity_unit, n.ship_note, v.d1, v.d2, v.d3, v.d4,
         l.a * pow(coalesce(l.reference_capacity, n.capacity), -l.c) * (1 - {reduction_pct} / 100.0) AS required,
         l.a * pow(coalesce(l.reference_capacity, n.capacity), -l.c) * (1 - {reduction_2030_pct} / 100.0) AS required_2030
  FROM noted n
  LEFT JOIN lines l ON n.ship_note IS NULL AND l.cii_ship_type = n.cii_ship_type
       AND n.capacity >= l.capacity_from AND n.capacity < l.capacity_below
  LEFT JOIN vectors v ON n.ship_note IS NULL AND v.cii_ship_type = n.cii_ship_type
       AND n.capacity >= v.capacity_from AND n.capacity < v.capacity_below
), days AS (
  SELECT mmsi, imo_number, reported_on, distance_nm, method, quality, source, coalesce(imo_number, mmsi) AS vessel,
         coalesce(fuel_hfo_t, 0) + coalesce(fuel_lfo_t, 0) + coalesce(fuel_mdo_t, 0) + coalesce(fuel_lng_t, 0)
         + coalesce(fuel_lpg_propane_t, 0) + coalesce(fuel_lpg_butane_t, 0) + coalesce(fuel_ethane_t, 0)
         + coalesce(fuel_methanol_t, 0) + coalesce(fuel_ethanol_t, 0) AS total_fuel_t,
         coalesce(fuel_hfo_t, 0) * 3.114::DOUBLE + coalesce(fuel_lfo_t, 0) * 3.151::DOUBLE
         + coalesce(fuel_mdo_t, 0) * 3.206::DOUBLE + coalesce(fuel_lng_t, 0) * 2.75::DOUBLE
         + coalesce(fuel_lpg_propane_t, 0) * 3.0::DOUBLE + coalesce(fuel_lpg_butane_t, 0) * 3.03::DOUBLE
         + coalesce(fuel_ethane_t, 0) * 2.927::DOUBLE + coalesce(fuel_methanol_t, 0) * 1.375::DOUBLE
         + coalesce(fuel_ethanol_t, 0) * 1.913::DOUBLE AS co2_t
  FROM delta_scan('{folder}/emissions')
), rolled AS (
  SELECT *,
         sum(co2_t) OVER week AS co2_7d_t, sum(distance_nm) OVER week AS distance_7d_nm,
         sum(co2_t) OVER month AS co2_30d_t, sum(distance_nm) OVER month AS distance_30d_nm,
         sum(co2_t) OVER so_far AS co2_ytd_t, sum(distance_nm) OVER so_far AS distance_ytd_nm
  FROM days
  WINDOW week AS (PARTITION BY vessel ORDER BY reported_on RANGE BETWEEN INTERVAL 6 DAYS PRECEDING AND CURRENT ROW),
         month AS (PARTITION BY vessel ORDER BY reported_on RANGE BETWEEN INTERVAL 29 DAYS PRECEDING AND CURRENT ROW),
         so_far AS (PARTITION BY vessel ORDER BY reported_on)
), joined AS (
  SELECT r.*, l.imo_number IS NOT NULL AS is_registered, l.* EXCLUDE (imo_number),
         co2_7d_t * 1e6 / nullif(capacity * distance_7d_nm, 0) AS cii_7d,
         co2_30d_t * 1e6 / nullif(capacity * distance_30d_nm, 0) AS cii_30d,
         co2_ytd_t * 1e6 / nullif(capacity * distance_ytd_nm, 0) AS cii_attained_ytd
  FROM rolled r LEFT JOIN limits l ON r.imo_number = l.imo_number
), judged AS (
  SELECT *, CASE WHEN imo_number IS NULL THEN 'no IMO number reported'
                 WHEN NOT is_registered THEN 'not in the ship register'
                 WHEN ship_note IS NOT NULL THEN ship_note
                 WHEN cii_attained_ytd IS NULL THEN 'no distance or no fuel known this year so far' END AS scope_note,
         CASE WHEN scope_note IS NULL THEN cii_attained_ytd END AS rated
  FROM joined
)
SELECT mmsi, imo_number, reported_on, cii_ship_type, capacity, capacity_unit, distance_nm, total_fuel_t, co2_t,
       co2_7d_t, co2_30d_t, cii_7d, cii_30d, co2_ytd_t, distance_ytd_nm, cii_attained_ytd, required AS cii_required,
       CASE WHEN rated IS NULL THEN NULL WHEN rated <= d1 * required THEN 'A' WHEN rated <= d2 * required THEN 'B'
            WHEN rated <= d3 * required THEN 'C' WHEN rated <= d4 * required THEN 'D' ELSE 'E' END AS cii_rating_ytd,
       required_2030 AS cii_required_2030,
       CASE WHEN rated IS NULL THEN NULL WHEN rated <= d1 * required_2030 THEN 'A'
            WHEN rated <= d2 * required_2030 THEN 'B' WHEN rated <= d3 * required_2030 THEN 'C'
            WHEN rated <= d4 * required_2030 THEN 'D' ELSE 'E' END AS cii_rating_2030,
       rated > required AS is_over_limit, rated > required_2030 AS is_over_limit_2030, scope_note, method, quality,
       '{regulation_version}' AS regulation_version, source
FROM judged
