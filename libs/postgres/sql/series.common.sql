-- What both modes share: the roll-ups' expressions. Installed before every migration run; safe to run again.

-- The select list of a roll-up: for each metric its mean, least and greatest, in the type of the metric itself.
CREATE OR REPLACE FUNCTION lapwing.rollup_columns(series regclass, metrics text[]) RETURNS text
LANGUAGE sql STABLE AS $$
  SELECT string_agg(
    format('round(avg(%1$I))::%2$s AS %3$I, min(%1$I) AS %4$I, max(%1$I) AS %5$I',
      metric, format_type(a.atttypid, a.atttypmod), metric || '_avg', metric || '_min', metric || '_max'),
    ', ' ORDER BY position)
  FROM unnest(metrics) WITH ORDINALITY AS m (metric, position)
  JOIN pg_attribute a ON a.attrelid = series AND a.attname = metric
$$;
