/** NATS, as services see it. @type {import('../panels.mjs').Board} */
export const bus = {
  uid: 'lapwing-bus',
  title: 'Lapwing / Bus',
  description: 'Questions, events and durable consumers on NATS.',
  variables: ['job', 'durable'],
  rows: [
    {
      title: 'Connections and leases',
      panels: [
        {
          title: 'Connected',
          description: 'Whether each service has its connection to NATS.',
          type: 'state-timeline',
          unit: 'none',
          queries: [{ expr: 'min by (service) (lapwing_bus_connected{job=~"$job"})', legend: '{{service}}' }],
          thresholds: [
            ['red', null],
            ['green', 1],
          ],
          texts: { 1: { text: 'connected', color: 'green' }, 0: { text: 'away', color: 'red' } },
        },
        {
          title: 'Leases',
          description:
            'Pieces of work that have one owner at a time, by who holds them: about as many for each replica.',
          unit: 'short',
          queries: [
            { expr: 'sum by (group, instance) (lapwing_leases_held{job=~"$job"})', legend: '{{group}} {{instance}}' },
          ],
          stacked: true,
          min: 0,
        },
      ],
    },
    {
      title: 'Questions',
      panels: [
        {
          title: 'Questions by contract',
          description: 'The ten that are asked most.',
          unit: 'reqps',
          queries: [
            {
              expr: 'topk(10, sum by (contract) (rate(lapwing_bus_request_seconds_count{job=~"$job"}[$__rate_interval])))',
              legend: '{{contract}}',
            },
          ],
        },
        {
          title: 'Slowest questions (p99)',
          description: 'The ten questions of which the slowest hundredth takes longest. The dots are traces.',
          unit: 's',
          queries: [
            {
              expr: 'topk(10, histogram_quantile(0.99, sum by (contract, le) (rate(lapwing_bus_request_seconds_bucket{job=~"$job"}[$__rate_interval]))) > 0)',
              legend: '{{contract}}',
              exemplars: true,
            },
          ],
          min: 0,
        },
        {
          title: 'Failures by code',
          description:
            'UNAVAILABLE: nobody is there; TIMEOUT: nobody answers in time; INTERNAL: a fault. Others are answers like any other.',
          unit: 'reqps',
          queries: [
            {
              expr: 'sum by (code) (rate(lapwing_bus_failures_total{job=~"$job"}[$__rate_interval]))',
              legend: '{{code}}',
            },
          ],
        },
        {
          title: 'Faults by contract',
          description: 'Which questions and events fail, and who asks.',
          type: 'table',
          unit: 'reqps',
          queries: [
            { expr: 'topk(20, sum by (job, contract, code) (rate(lapwing_bus_failures_total{job=~"$job"}[15m])) > 0)' },
          ],
          columns: ['job', 'contract', 'code'],
        },
      ],
    },
    {
      title: 'Events',
      panels: [
        {
          title: 'Publishing (p99)',
          description: 'How long it takes until a stream has an event: how NATS and its disks do.',
          unit: 's',
          queries: [
            {
              expr: 'histogram_quantile(0.99, sum by (contract, le) (rate(lapwing_bus_publish_seconds_bucket{job=~"$job"}[$__rate_interval])))',
              legend: '{{contract}}',
              exemplars: true,
            },
          ],
          min: 0,
        },
        {
          title: 'Handled messages',
          description: 'Messages of durable consumers by what became of them. Dead ones were buried.',
          unit: 'cps',
          queries: [
            {
              expr: 'sum by (durable, outcome) (rate(lapwing_bus_messages_total{durable=~"$durable"}[$__rate_interval]))',
              legend: '{{durable}}: {{outcome}}',
            },
          ],
        },
        {
          title: 'Waiting messages',
          description: 'Messages that wait for each consumer.',
          unit: 'short',
          queries: [{ expr: 'durable:lapwing_bus_consumer_lag:max{durable=~"$durable"}', legend: '{{durable}}' }],
          min: 0,
        },
        {
          title: 'Delivered again',
          description: 'Messages that wait and were delivered before: their handler failed or its process ended.',
          unit: 'short',
          queries: [
            { expr: 'max by (durable) (lapwing_bus_consumer_redelivered{durable=~"$durable"})', legend: '{{durable}}' },
          ],
          min: 0,
        },
        {
          title: 'Messages in streams',
          description: 'What JetStream holds. DEAD should be empty.',
          unit: 'short',
          queries: [{ expr: 'max by (stream) (lapwing_nats_stream_messages)', legend: '{{stream}}' }],
          min: 0,
        },
      ],
    },
  ],
};
