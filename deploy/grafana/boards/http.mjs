const where = 'job=~"$job", instance=~"$instance", route=~"$route"';

/** Requests over HTTP, route by route. @type {import('../panels.mjs').Board} */
export const http = {
  uid: 'lapwing-http',
  title: 'Lapwing / HTTP & API',
  description: 'What clients ask, how long it takes, and what fails.',
  variables: ['job', 'instance', 'route'],
  rows: [
    {
      title: 'Requests',
      panels: [
        {
          title: 'Requests by route',
          description: 'Requests a second of the ten busiest routes.',
          unit: 'reqps',
          queries: [
            {
              expr: `topk(10, sum by (method, route) (rate(lapwing_http_request_seconds_count{${where}}[$__rate_interval])))`,
              legend: '{{method}} {{route}}',
            },
          ],
        },
        {
          title: 'Requests by status',
          description: 'Requests a second by status. 401 and 403: credentials; 429: limits; 5xx: faults.',
          unit: 'reqps',
          queries: [
            {
              expr: `sum by (status) (rate(lapwing_http_request_seconds_count{${where}}[$__rate_interval]))`,
              legend: '{{status}}',
            },
          ],
          stacked: true,
        },
        {
          title: 'How long requests take',
          description: 'Quantiles of all chosen routes. The dots are traces: choose one to see where its time went.',
          unit: 's',
          queries: [0.5, 0.9, 0.99].map((quantile) => ({
            expr: `histogram_quantile(${quantile}, sum by (le) (rate(lapwing_http_request_seconds_bucket{${where}}[$__rate_interval])))`,
            legend: `p${quantile * 100}`,
            exemplars: true,
          })),
          thresholds: [
            ['green', null],
            ['red', 2.5],
          ],
          min: 0,
        },
        {
          title: 'Slowest routes (p99)',
          description: 'The ten routes of which the slowest hundredth of requests takes longest, over five minutes.',
          type: 'bargauge',
          unit: 's',
          queries: [
            {
              expr: 'topk(10, job_route:lapwing_http_request_seconds:p99_5m{job=~"$job", route=~"$route"} > 0)',
              legend: '{{route}}',
              instant: true,
            },
          ],
          thresholds: [
            ['green', null],
            ['orange', 1],
            ['red', 2.5],
          ],
          min: 0,
        },
      ],
    },
    {
      title: 'Failures and limits',
      panels: [
        {
          title: 'Failed requests by route',
          description:
            'Requests answered with 5xx. The answer has the header x-trace-id, and the log a line with the same id.',
          unit: 'reqps',
          queries: [
            {
              expr: `sum by (method, route, status) (rate(lapwing_http_request_seconds_count{${where}, status=~"5.."}[$__rate_interval])) or vector(0)`,
              legend: '{{method}} {{route}} {{status}}',
            },
          ],
        },
        {
          title: 'Refused requests',
          description: 'No or a wrong credential (401), not allowed (403), too many (429).',
          unit: 'reqps',
          queries: [
            {
              expr: `sum by (status) (rate(lapwing_http_request_seconds_count{${where}, status=~"401|403|429"}[$__rate_interval]))`,
              legend: '{{status}}',
            },
          ],
        },
      ],
    },
    {
      title: 'Streams and Redis',
      panels: [
        {
          title: 'Clients that stay',
          description: 'Open streams and sockets by what they follow.',
          unit: 'short',
          queries: [
            { expr: 'sum(lapwing_stream_watchers{job=~"$job", instance=~"$instance"})', legend: 'samples (SSE)' },
            { expr: 'sum(lapwing_realtime_watchers{job=~"$job", instance=~"$instance"})', legend: 'state (WebSocket)' },
            { expr: 'sum(lapwing_log_followers{job=~"$job", instance=~"$instance"})', legend: 'logs (SSE)' },
            { expr: 'sum(lapwing_alert_followers{job=~"$job", instance=~"$instance"})', legend: 'alerts (SSE)' },
          ],
          stacked: true,
          min: 0,
        },
        {
          title: 'Redis (p99)',
          description: 'How long commands and scripts take: sessions and limits, with nearly every request.',
          unit: 's',
          queries: [
            {
              expr: 'histogram_quantile(0.99, sum by (job, le) (rate(lapwing_redis_seconds_bucket{job=~"$job", instance=~"$instance"}[$__rate_interval])))',
              legend: '{{job}}',
              exemplars: true,
            },
          ],
          min: 0,
        },
      ],
    },
  ],
};
