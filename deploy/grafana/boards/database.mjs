/** PostgreSQL, as services see it. @type {import('../panels.mjs').Board} */
export const database = {
  uid: 'lapwing-database',
  title: 'Lapwing / Database',
  description: 'Statements, transactions and pools.',
  variables: ['job', 'instance'],
  rows: [
    {
      title: 'Statements',
      panels: [
        {
          title: 'Statements and transactions',
          description: 'The ten that run most often.',
          unit: 'ops',
          queries: [
            {
              expr: 'topk(10, sum by (service, statement) (rate(lapwing_postgres_statement_seconds_count{job=~"$job", instance=~"$instance"}[$__rate_interval])))',
              legend: '{{service}}: {{statement}}',
            },
          ],
        },
        {
          title: 'Slowest (p99)',
          description:
            'The ten of which the slowest hundredth takes longest; waiting for a connection is included. The dots are traces.',
          unit: 's',
          queries: [
            {
              expr: 'topk(10, histogram_quantile(0.99, sum by (service, statement, le) (rate(lapwing_postgres_statement_seconds_bucket{job=~"$job", instance=~"$instance"}[$__rate_interval]))) > 0)',
              legend: '{{service}}: {{statement}}',
              exemplars: true,
            },
          ],
          min: 0,
        },
        {
          title: 'Where the time goes',
          description: 'Seconds in the database in each second, by statement: the ten largest.',
          unit: 'short',
          queries: [
            {
              expr: 'topk(10, sum by (service, statement) (rate(lapwing_postgres_statement_seconds_sum{job=~"$job", instance=~"$instance"}[$__rate_interval])))',
              legend: '{{service}}: {{statement}}',
            },
          ],
          stacked: true,
        },
        {
          title: 'Failures',
          description:
            'Away: no connection, or the database shuts down or is full. Passing: a deadlock, a lock, too slow. Refused: it would fail again.',
          unit: 'ops',
          queries: [
            {
              expr: 'sum by (service, reason) (rate(lapwing_postgres_failures_total{job=~"$job", instance=~"$instance"}[$__rate_interval]))',
              legend: '{{service}}: {{reason}}',
            },
          ],
        },
      ],
    },
    {
      title: 'Pools',
      panels: [
        {
          title: 'Used connections',
          description: 'Of what the pool may have.',
          unit: 'percentunit',
          queries: [
            {
              expr: 'max by (service) (lapwing_postgres_connections{job=~"$job", instance=~"$instance", state="used"}) / max by (service) (lapwing_postgres_connections_max{job=~"$job", instance=~"$instance"})',
              legend: '{{service}}',
            },
          ],
          thresholds: [
            ['green', null],
            ['red', 1],
          ],
          min: 0,
          max: 1,
        },
        {
          title: 'Waiting for a connection',
          description: 'Statements for which the pool has no connection free.',
          unit: 'short',
          queries: [
            {
              expr: 'max by (service) (lapwing_postgres_waiting{job=~"$job", instance=~"$instance"})',
              legend: '{{service}}',
            },
          ],
          thresholds: [
            ['green', null],
            ['orange', 1],
          ],
          min: 0,
        },
      ],
    },
  ],
};
