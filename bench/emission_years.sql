-- gold.emission_year by hand in DuckDB, from the same Delta files. One calendar year, the first that there is.
WITH ships AS (
  SELECT imo_number, cii_ship_type, dwt_t, gross_tonnage, unit AS capacity_unit,
         CASE WHEN unit = 'dwt' THEN dwt_t WHEN unit = 'gt' THEN gross_tonnage END AS capacity
  FROM delta_scan('{register}') LEFT JOIN units USING (cii_ship_type)
), noted AS (
  SELECT *, CASE WHEN cii_ship_type IS NULL THEN 'ship type unknown'
                 WHEN capacity_unit IS NULL THEN 'ship type not in scope: ' || cii_ship_type
                 WHEN gross_tonnage IS NULL THEN 'gross tonnage unknown'
                 WHEN gross_tonnage < 5000 THEN 'below 5,000 gross tonnage'
                 WHEN coalesce(capacity, 0) <= 0 THEN 'capacity unknown' END AS ship_note
  FROM ships
), limits AS (
  SELECT n.*, v.d1, v.d2, v.d3, v.d4, l.a * pow(coalesce(l.reference_capacity, n.capacity), -l.c) AS of_2019
  FROM noted n
  LEFT JOIN lines l ON n.ship_note IS NULL AND l.cii_ship_type = n.cii_ship_type
       AND n.capacity >= l.capacity_from AND n.capacity < l.capacity_below
  LEFT JOIN vectors v ON n.ship_note IS NULL AND v.cii_ship_type = n.cii_ship_type
       AND n.capacity >= v.capacity_from AND n.capacity < v.capacity_below
), fuel AS (
  SELECT *, coalesce(imo_number, mmsi) AS vessel_id,
         coalesce(fuel_hfo_t, 0) + coalesce(fuel_lfo_t, 0) + coalesce(fuel_mdo_t, 0) + coalesce(fuel_lng_t, 0)
         + coalesce(fuel_lpg_propane_t, 0) + coalesce(fuel_lpg_butane_t, 0) + coalesce(fuel_ethane_t, 0)
         + coalesce(fuel_methanol_t, 0) + coalesce(fuel_ethanol_t, 0) AS total_fuel_t,
         coalesce(fuel_hfo_t, 0) * 3.114::DOUBLE + coalesce(fuel_lfo_t, 0) * 3.151::DOUBLE
         + coalesce(fuel_mdo_t, 0) * 3.206::DOUBLE + coalesce(fuel_lng_t, 0) * 2.75::DOUBLE
         + coalesce(fuel_lpg_propane_t, 0) * 3.0::DOUBLE + coalesce(fuel_lpg_butane_t, 0) * 3.03::DOUBLE
         + coalesce(fuel_ethane_t, 0) * 2.927::DOUBLE + coalesce(fuel_methanol_t, 0) * 1.375::DOUBLE
         + coalesce(fuel_ethanol_t, 0) * 1.913::DOUBLE AS co2_t,
         coalesce(method = 'modelled', false) AS is_modelled, coalesce(quality IN ('low', 'very_low'), false) AS is_low
  FROM delta_scan('{emissions}')
), totals AS (
  SELECT vessel_id, {fuel_sums}, sum(distance_nm) AS distance_nm, sum(underway_h) AS underway_h,
         sum(anchored_h) AS anchored_h, sum(berth_h) AS berth_h, sum(total_fuel_t) AS total_fuel_t, sum(co2_t) AS co2_t,
         coalesce(sum(co2_t) FILTER (NOT is_modelled), 0) AS co2_reported_t,
         coalesce(sum(co2_t) FILTER (is_modelled AND NOT is_low), 0) AS co2_modelled_t,
         coalesce(sum(co2_t) FILTER (is_modelled AND is_low), 0) AS co2_modelled_low_t,
         array_to_string(list_sort(list(DISTINCT quality)), ', ') AS qualities,
         array_to_string(list_sort(list(DISTINCT source)), ', ') AS source
  FROM fuel WHERE year(reported_on) = {year} GROUP BY vessel_id
), days AS (
  SELECT vessel_id, reported_on, sum(co2_t) AS co2_t, sum(distance_nm) AS distance_nm,
         coalesce(bool_or(quality = 'very_low'), false) AS is_guessed
  FROM fuel GROUP BY vessel_id, reported_on
), placed AS (
  SELECT *, coalesce(lag(co2_t) OVER in_order, 0) AS old_co2, coalesce(lag(distance_nm) OVER in_order, 0) AS old_nm,
         coalesce(reported_on - lag(reported_on) OVER in_order = 1
                  AND year(lag(reported_on) OVER in_order) = year(reported_on), false) AS is_next
  FROM days
  WINDOW in_order AS (PARTITION BY vessel_id ORDER BY reported_on)
), noise AS (
  SELECT vessel_id, count(*)::INTEGER AS days_reported, count(*) FILTER (is_guessed) AS guessed_days,
         sum(co2_t * co2_t) AS co2_co2, sum(co2_t * distance_nm) AS co2_nm, sum(distance_nm * distance_nm) AS nm_nm,
         sum(co2_t * old_co2) FILTER (is_next) AS next_co2_co2,
         sum(co2_t * old_nm + distance_nm * old_co2) FILTER (is_next) AS next_co2_nm,
         sum(distance_nm * old_nm) FILTER (is_next) AS next_nm_nm,
         count(*) FILTER (is_next) AS pairs, count(*) FILTER (NOT is_next) AS runs
  FROM placed WHERE year(reported_on) = {year} GROUP BY vessel_id
), ends AS (
  SELECT vessel_id, min(reported_on) FILTER (year(reported_on) = {year}) AS first_on,
         max(reported_on) FILTER (year(reported_on) = {year}) AS last_on,
         max(reported_on) >= DATE '{year}-12-31' AS is_year_over
  FROM fuel GROUP BY vessel_id
), recent AS (
  SELECT vessel_id, first_on, last_on, is_year_over, max(mmsi) FILTER (reported_on = last_on) AS mmsi,
         max(imo_number) FILTER (reported_on = last_on) AS imo_number, sum(co2_t) AS co2_30d_t,
         sum(distance_nm) AS distance_30d_nm, count(DISTINCT reported_on) AS days_30d
  FROM fuel JOIN ends USING (vessel_id) WHERE last_on - reported_on BETWEEN 0 AND 29 GROUP BY ALL
), sums AS (
  SELECT *, {year} AS year FROM totals JOIN noise USING (vessel_id) JOIN recent USING (vessel_id)
), attained AS (
  SELECT s.*, l.cii_ship_type, l.dwt_t, l.gross_tonnage, l.capacity, l.capacity_unit, l.d1, l.d2, l.d3, l.d4, l.of_2019,
         of_2019 * (1 - {reduction_pct} / 100.0) AS required, l.imo_number IS NOT NULL AS is_registered, l.ship_note,
         co2_t * 1e6 / nullif(capacity * distance_nm, 0) AS cii_attained,
         co2_30d_t * 1e6 / nullif(capacity * distance_30d_nm, 0) AS cii_30d,
         (date_part('doy', DATE '{year}-12-31'))::INTEGER AS days_in_year,
         CASE WHEN is_year_over THEN days_in_year ELSE date_part('doy', last_on) END::INTEGER AS days_so_far
  FROM sums s LEFT JOIN limits l ON s.imo_number = l.imo_number
), judged AS (
  SELECT *, CASE WHEN imo_number IS NULL THEN 'no IMO number reported'
                 WHEN NOT is_registered AND NOT ({is_imo_valid})
                      THEN 'IMO number is broken: its check digit does not agree'
                 WHEN NOT is_registered THEN 'not in the ship register'
                 WHEN ship_note IS NOT NULL THEN ship_note
                 WHEN guessed_days > 0 THEN 'fuel of a guessed ship in the year so far'
                 WHEN cii_attained IS NULL THEN 'no distance or no fuel known this year so far' END AS scope_note,
         CASE WHEN scope_note IS NULL THEN cii_attained END AS rated,
         CASE WHEN rated IS NULL THEN NULL WHEN rated <= d1 * required THEN 'A' WHEN rated <= d2 * required THEN 'B'
              WHEN rated <= d3 * required THEN 'C' WHEN rated <= d4 * required THEN 'D' ELSE 'E' END AS cii_rating,
         co2_t / nullif(distance_nm, 0) AS ratio,
         co2_co2 - ratio * 2 * co2_nm + ratio * ratio * nm_nm AS raw_squares,
         next_co2_co2 - ratio * next_co2_nm + ratio * ratio * next_nm_nm AS raw_next,
         CASE WHEN raw_squares > 1e-9 * co2_co2 THEN raw_squares ELSE 0 END AS squares,
         CASE WHEN raw_next > 1e-9 * co2_co2 THEN raw_next ELSE 0 END AS next_squares,
         least(greatest(coalesce(CASE WHEN pairs >= 10 THEN next_squares / pairs * days_reported
                                                              / nullif(squares, 0) END, 0), 0), 0.95) AS r,
         greatest(1.0, least(days_reported * (days_so_far - days_reported + 1) / days_so_far / runs,
                             (1 + r) / (1 - r))) AS clumped,
         CASE WHEN days_reported >= days_so_far THEN 0.0
              ELSE (1 - days_reported / days_so_far) * clumped * days_reported * squares
                   / (nullif(days_reported - 1, 0) * co2_t * co2_t) END AS unobserved,
         (pow(co2_reported_t * {reported_sd}, 2)
          + pow(co2_modelled_t * {modelled_sd} + co2_modelled_low_t * {modelled_low_sd}, 2))
         / nullif(co2_t * co2_t, 0) AS of_fuel,
         unobserved + of_fuel AS variance,
         least(coalesce(greatest(days_reported / clumped - 1, 0.1) * pow(variance / nullif(unobserved, 0), 2), 1e9),
               1e9) AS freedom,
         CASE WHEN freedom >= 3 THEN 1.6448536269514722 / sqrt(pow(1 - 1 / (4 * freedom), 2)
              - pow(1.6448536269514722, 2) / (2 * freedom)) * sqrt(variance) END AS width,
         CASE WHEN freedom >= 3 AND variance * rated IS NOT NULL THEN
              list_transform([d1, d2, d3, d4], d -> ln(d * required / rated) / nullif(sqrt(variance), 0)) END AS t,
         list_transform(t, z -> z * (1 - 1 / (4 * freedom)) / sqrt(1 + z * z / (2 * freedom))) AS z,
         list_transform(z, z -> 0.5 + sign(z) * (1 - (((((1.061405429 / (1 + 0.3275911 * abs(z) / sqrt(2)) - 1.453152027)
              / (1 + 0.3275911 * abs(z) / sqrt(2))) + 1.421413741) / (1 + 0.3275911 * abs(z) / sqrt(2)) - 0.284496736)
              / (1 + 0.3275911 * abs(z) / sqrt(2)) + 0.254829592) / (1 + 0.3275911 * abs(z) / sqrt(2))
              * exp(-z * z / 2)) / 2) AS p,
         [greatest(0, p[1]), greatest(0, p[2] - p[1]), greatest(0, p[3] - p[2]), greatest(0, p[4] - p[3]),
          greatest(0, 1 - p[4])] AS letters,
         days_in_year - days_so_far AS days_left,
         co2_t * days_so_far / days_reported + co2_30d_t / days_30d * days_left AS whole_co2,
         distance_nm * days_so_far / days_reported AS sailed_nm, distance_30d_nm / days_30d * days_left AS to_sail_nm,
         days_left > 0 AND NOT is_year_over AND cii_rating IS NOT NULL AS is_open,
         CASE WHEN is_open THEN whole_co2 * 1e6 / nullif(capacity * (sailed_nm + to_sail_nm), 0) END AS projected,
         CASE WHEN projected <= d1 * required THEN 'A' WHEN projected <= d2 * required THEN 'B'
              WHEN projected <= d3 * required THEN 'C' WHEN projected <= d4 * required THEN 'D'
              WHEN projected IS NOT NULL THEN 'E' END AS heads_for
  FROM attained
), bounds AS (
  SELECT j.vessel_id, min(t.year) FILTER (j.cii_attained > j.d3 * j.of_2019 * (1 - t.pct / 100.0)) AS first_late
  FROM judged j CROSS JOIN targets t WHERE j.cii_rating IS NOT NULL GROUP BY j.vessel_id
)
SELECT vessel_id, year, mmsi, imo_number, cii_ship_type, dwt_t, gross_tonnage, capacity, capacity_unit,
       CASE capacity_unit WHEN 'dwt' THEN 'AER' WHEN 'gt' THEN 'cgDIST' END AS cii_metric, {fuel_years},
       total_fuel_t AS total_fuel_year_t, co2_t AS co2_year_t, distance_nm AS distance_year_nm,
       underway_h AS underway_year_h, anchored_h AS anchored_year_h, berth_h AS berth_year_h, first_on, last_on,
       days_reported, days_in_year, is_year_over, days_reported / days_so_far AS reported_share,
       least((co2_modelled_t + co2_modelled_low_t) / nullif(co2_t, 0), 1.0) AS modelled_co2_share, qualities,
       cii_attained, required AS cii_required, d1 * required AS cii_superior_boundary,
       d2 * required AS cii_lower_boundary, d3 * required AS cii_upper_boundary, d4 * required AS cii_inferior_boundary,
       cii_rating, CASE WHEN cii_rating = 'D' THEN 1 ELSE 0 END AS d_years_running,
       CASE WHEN cii_rating = 'E' THEN 'corrective action plan: rated E' WHEN cii_rating IS NOT NULL THEN 'none' END
         AS consequence,
       first_late AS first_year_d_or_e,
       CASE WHEN cii_rating IS NOT NULL THEN greatest(
         0, (1 - d3 * of_2019 * (1 - {reduction_2030_pct} / 100.0) / cii_attained) * 100) END AS cut_for_c_in_2030_pct,
       cii_attained * exp(-width) AS cii_low_90, cii_attained * exp(width) AS cii_high_90,
       CASE WHEN t IS NOT NULL THEN letters[1] END AS rating_a_probability,
       CASE WHEN t IS NOT NULL THEN letters[2] END AS rating_b_probability,
       CASE WHEN t IS NOT NULL THEN letters[3] END AS rating_c_probability,
       CASE WHEN t IS NOT NULL THEN letters[4] END AS rating_d_probability,
       CASE WHEN t IS NOT NULL THEN letters[5] END AS rating_e_probability,
       CASE WHEN t IS NOT NULL THEN letters[ascii(cii_rating) - 64] < 0.9 END AS is_near_boundary, cii_30d,
       CASE WHEN is_year_over THEN 0 ELSE days_left END AS days_remaining, projected AS cii_projected,
       heads_for AS cii_rating_projected,
       CASE WHEN is_open THEN (d3 * required * (sailed_nm + to_sail_nm) - cii_attained * sailed_nm)
         / nullif(to_sail_nm, 0) END AS cii_rest_limit,
       CASE WHEN is_open THEN nullif(concat_ws('; ',
         CASE WHEN heads_for IN ('D', 'E') THEN 'the year heads for ' || heads_for END,
         CASE WHEN cii_30d > required THEN 'the last 30 days are above the required CII' END), '') END AS warning,
       scope_note, '{regulation_version}' AS regulation_version, source
FROM judged LEFT JOIN bounds USING (vessel_id)
