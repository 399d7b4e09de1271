/** From a sample to a message to a person. @type {import('../panels.mjs').Board} */
export const alerting = {
  uid: 'lapwing-alerting',
  title: 'Lapwing / Alerting & notifications',
  description: 'Judging, and telling people.',
  variables: [],
  rows: [
    {
      title: 'Judging',
      panels: [
        {
          title: 'Looks',
          description: 'Looks at hosts, targets, Docker hosts and logs that were judged.',
          unit: 'cps',
          queries: [
            { expr: 'sum by (what) (rate(lapwing_alerting_looks_total[$__rate_interval]))', legend: '{{what}}' },
          ],
        },
        {
          title: 'Open alerts',
          description: 'Of all partitions.',
          unit: 'short',
          queries: [{ expr: 'sum(lapwing_alerting_open)', legend: 'open' }],
          min: 0,
        },
        {
          title: 'Samples still to judge',
          description:
            'Of the slowest process. More than a thousand for five minutes raises an alert: people are told late.',
          unit: 'short',
          queries: [{ expr: 'max by (instance) (lapwing_alerting_samples_behind)', legend: '{{instance}}' }],
          thresholds: [
            ['green', null],
            ['red', 1000],
          ],
          min: 0,
        },
        {
          title: 'From sample to message (p99)',
          description: 'What lies between the stages; docs/operations.md tells what each is.',
          unit: 's',
          queries: [
            {
              expr: 'histogram_quantile(0.99, sum by (measure, le) (rate(lapwing_alerting_pipeline_seconds_bucket[$__rate_interval])))',
              legend: '{{measure}}',
            },
          ],
          min: 0,
        },
      ],
    },
    {
      title: 'Telling',
      panels: [
        {
          title: 'Attempts to deliver',
          description: 'By what came of them. A failed one was given up: somebody was not told.',
          unit: 'cps',
          queries: [
            {
              expr: 'sum by (channel, outcome) (rate(lapwing_alerting_deliveries_total[$__rate_interval]))',
              legend: '{{channel}}: {{outcome}}',
            },
          ],
        },
        {
          title: 'From the decision to the answer',
          description:
            'How long until a receiver has a message, retries included: half of them, and all but a hundredth.',
          unit: 's',
          queries: [0.5, 0.99].map((quantile) => ({
            expr: `histogram_quantile(${quantile}, sum by (channel, le) (rate(lapwing_alerting_delivery_seconds_bucket[$__rate_interval])))`,
            legend: `{{channel}} p${quantile * 100}`,
          })),
          min: 0,
        },
        {
          title: 'Waiting messages',
          description: 'Deliveries that are due and not made.',
          unit: 'short',
          queries: [{ expr: 'durable:lapwing_bus_consumer_lag:max{durable=~"alerting.*"}', legend: '{{durable}}' }],
          min: 0,
        },
        {
          title: 'Checks of alerting',
          description: 'What alerting finds of what it depends on and of its workers.',
          type: 'state-timeline',
          unit: 'none',
          queries: [{ expr: 'min by (check) (lapwing_health_check{job="alerting"})', legend: '{{check}}' }],
          thresholds: [
            ['red', null],
            ['orange', 0.5],
            ['green', 1],
          ],
        },
      ],
    },
  ],
};
