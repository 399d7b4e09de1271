/** The way of samples and lines into the database. @type {import('../panels.mjs').Board} */
export const ingest = {
  uid: 'lapwing-ingest',
  title: 'Lapwing / Ingest & storage',
  description: 'What agents and pollers send, what is stored, and what is deleted again.',
  variables: [],
  rows: [
    {
      title: 'What comes',
      panels: [
        {
          title: 'Agents',
          description: 'Agents that were heard, by whether they report.',
          unit: 'short',
          queries: [{ expr: 'max by (status) (lapwing_fleet_agents)', legend: '{{status}}' }],
          stacked: true,
        },
        {
          title: 'Samples of hosts',
          description: 'Stored; quarantined because of a wild clock; lost by agents whose outbox was full or damaged.',
          unit: 'cps',
          queries: [
            { expr: 'sum by (outcome) (rate(lapwing_samples_total[$__rate_interval]))', legend: '{{outcome}}' },
          ],
        },
        {
          title: 'Samples of polled resources',
          description: 'Proxmox: stored, or refused for a wild clock. Nothing where nothing is polled.',
          unit: 'cps',
          queries: [
            { expr: 'sum by (outcome) (rate(lapwing_polled_samples_total[$__rate_interval]))', legend: '{{outcome}}' },
          ],
        },
        {
          title: 'Lines of logs',
          description: 'Stored, or known already because their batch came twice.',
          unit: 'cps',
          queries: [
            { expr: 'sum by (outcome) (rate(lapwing_log_lines_total[$__rate_interval]))', legend: '{{outcome}}' },
          ],
        },
      ],
    },
    {
      title: 'How it is taken in',
      panels: [
        {
          title: 'Batches (p99)',
          description: 'How long a batch of messages is worked on, the way into the database included.',
          unit: 's',
          queries: [
            {
              expr: 'histogram_quantile(0.99, sum by (durable, le) (rate(lapwing_bus_handle_seconds_bucket[$__rate_interval])))',
              legend: '{{durable}}',
              exemplars: true,
            },
          ],
          min: 0,
        },
        {
          title: 'Waiting messages',
          description: 'Messages in streams that wait for a consumer, unacknowledged ones included.',
          unit: 'short',
          queries: [{ expr: 'durable:lapwing_bus_consumer_lag:max', legend: '{{durable}}' }],
          min: 0,
        },
        {
          title: 'Streams',
          description: 'What streams hold. SAMPLES and LOGS grow up to their bounds and stay there.',
          unit: 'bytes',
          queries: [{ expr: 'max by (stream) (lapwing_nats_stream_bytes)', legend: '{{stream}}' }],
          stacked: true,
          min: 0,
        },
        {
          title: 'Checks of the stores',
          description:
            'What metrics-store and log-store find of their database and their rounds: roll-ups, partitions, indexes.',
          type: 'state-timeline',
          unit: 'none',
          queries: [
            {
              expr: 'min by (job, check) (lapwing_health_check{job=~"metrics-store|log-store"})',
              legend: '{{job}}: {{check}}',
            },
          ],
          thresholds: [
            ['red', null],
            ['orange', 0.5],
            ['green', 1],
          ],
        },
      ],
    },
    {
      title: 'What goes',
      panels: [
        {
          title: 'Cleanups',
          description: 'Cleanups that ended within a day, by how.',
          type: 'stat',
          unit: 'none',
          queries: [{ expr: 'sum by (outcome) (increase(lapwing_cleanup_runs_total[1d]))', legend: '{{outcome}}' }],
        },
        {
          title: 'Deleted',
          description: 'Rows and files that cleanups deleted, by class; empty while nothing is old enough.',
          unit: 'short',
          queries: [
            {
              expr: 'sum by (class) (increase(lapwing_cleanup_deleted_total{class!="bytes"}[1h])) or vector(0)',
              legend: '{{class}}',
            },
          ],
        },
      ],
    },
  ],
};
