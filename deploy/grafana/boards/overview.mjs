import { states } from '../panels.mjs';

const yes = { 1: { text: 'yes', color: 'green' }, 0: { text: 'no', color: 'red' } };

/** How Lapwing is, at a glance. @type {import('../panels.mjs').Board} */
export const overview = {
  uid: 'lapwing-overview',
  title: 'Lapwing / Overview',
  description: 'Whether Lapwing works, and where to look further.',
  variables: [],
  rows: [
    {
      title: 'Now',
      panels: [
        {
          title: 'Ready',
          description:
            'Whether a gateway finds everything without which nothing works: database, Redis, NATS, detection, analysis.',
          type: 'stat',
          unit: 'none',
          queries: [{ expr: 'max(lapwing_system_ready)' }],
          thresholds: [
            ['red', null],
            ['green', 1],
          ],
          texts: yes,
          width: 3,
          height: 4,
        },
        {
          title: 'Processes',
          description: 'Processes of Lapwing that answer Prometheus.',
          type: 'stat',
          unit: 'none',
          queries: [{ expr: 'count(lapwing_process_start_time_seconds)' }],
          width: 3,
          height: 4,
        },
        {
          title: 'Agents that report',
          description: 'Agents that were heard lately.',
          type: 'stat',
          unit: 'none',
          queries: [{ expr: 'max(lapwing_fleet_agents{status="online"})' }],
          width: 3,
          height: 4,
        },
        {
          title: 'Open alerts',
          description: 'Alerts about the machines that Lapwing watches, in all partitions.',
          type: 'stat',
          unit: 'none',
          queries: [{ expr: 'sum(lapwing_alerting_open)' }],
          thresholds: [
            ['green', null],
            ['orange', 1],
          ],
          width: 3,
          height: 4,
        },
        {
          title: 'Requests',
          description: 'Requests over HTTP, all gateways together.',
          type: 'stat',
          unit: 'reqps',
          queries: [{ expr: 'sum(rate(lapwing_http_request_seconds_count[$__rate_interval]))' }],
          width: 3,
          height: 4,
        },
        {
          title: 'Failed requests',
          description:
            'The share of requests that were answered with 5xx. More than 2 % for five minutes raises an alert.',
          type: 'stat',
          unit: 'percentunit',
          queries: [{ expr: 'max(job:lapwing_http_errors:ratio_rate5m) or vector(0)' }],
          thresholds: [
            ['green', null],
            ['orange', 0.005],
            ['red', 0.02],
          ],
          width: 3,
          height: 4,
        },
        {
          title: 'Samples stored',
          description: 'Samples of hosts that have come into the database.',
          type: 'stat',
          unit: 'cps',
          queries: [{ expr: 'sum(rate(lapwing_samples_total{outcome="stored"}[$__rate_interval]))' }],
          width: 3,
          height: 4,
        },
        {
          title: 'Buried messages',
          description: 'Messages in the stream DEAD: nobody could handle them. Each wants a look.',
          type: 'stat',
          unit: 'none',
          queries: [{ expr: 'max(lapwing_nats_stream_messages{stream="DEAD"})' }],
          thresholds: [
            ['green', null],
            ['red', 1],
          ],
          width: 3,
          height: 4,
        },
      ],
    },
    {
      title: 'Health',
      panels: [
        {
          title: 'Servers and services',
          description: 'What the gateways find when they ask everybody; the best of what several say.',
          type: 'state-timeline',
          unit: 'none',
          queries: [{ expr: 'max by (part) (lapwing_system_health)', legend: '{{part}}' }],
          thresholds: [
            ['red', null],
            ['orange', 0.5],
            ['green', 1],
          ],
          texts: states,
          height: 10,
        },
        {
          title: 'Workers',
          description: 'Loops that must run somewhere, each once: 1 runs. gpu_monitor runs when agents report.',
          type: 'state-timeline',
          unit: 'none',
          queries: [{ expr: 'max by (worker) (lapwing_system_worker_running)', legend: '{{worker}}' }],
          thresholds: [
            ['red', null],
            ['green', 1],
          ],
          texts: { 1: { text: 'runs', color: 'green' }, 0: { text: 'stands still', color: 'red' } },
          height: 10,
        },
        {
          title: 'Alerts about Lapwing itself',
          description: 'Rules of deploy/prometheus/rules that fire; docs/observability.md says what to do about each.',
          type: 'table',
          unit: 'none',
          queries: [{ expr: 'ALERTS{alertstate="firing", alertname=~"Lapwing.*"}' }],
          columns: ['alertname', 'severity', 'job', 'instance'],
        },
        {
          title: 'Versions',
          description: 'Which version each service runs. During a roll-out there are two.',
          type: 'table',
          unit: 'none',
          queries: [{ expr: 'count by (service, version, node) (lapwing_build_info)' }],
          columns: ['service', 'version', 'node'],
        },
      ],
    },
    {
      title: 'Work',
      panels: [
        {
          title: 'Requests by status',
          description: 'Requests a second by the class of their status.',
          unit: 'reqps',
          queries: [
            {
              expr: 'sum by (class) (label_replace(rate(lapwing_http_request_seconds_count[$__rate_interval]), "class", "${1}xx", "status", "(.).."))',
              legend: '{{class}}',
            },
          ],
          stacked: true,
        },
        {
          title: 'How long requests take',
          description:
            'Half, nine tenths and all but a hundredth of requests are answered within so long. The dots are traces.',
          unit: 's',
          queries: [0.5, 0.9, 0.99].map((quantile) => ({
            expr: `histogram_quantile(${quantile}, sum by (le) (rate(lapwing_http_request_seconds_bucket[$__rate_interval])))`,
            legend: `p${quantile * 100}`,
            exemplars: quantile === 0.99,
          })),
          thresholds: [
            ['green', null],
            ['red', 2.5],
          ],
          min: 0,
        },
        {
          title: 'Samples',
          description:
            'What became of samples of hosts and of polled resources. Lost and quarantined ones are few or none.',
          unit: 'cps',
          queries: [
            { expr: 'sum by (outcome) (rate(lapwing_samples_total[$__rate_interval]))', legend: 'hosts: {{outcome}}' },
            {
              expr: 'sum by (outcome) (rate(lapwing_polled_samples_total[$__rate_interval]))',
              legend: 'polled: {{outcome}}',
            },
          ],
        },
        {
          title: 'Waiting messages',
          description:
            'Messages that wait for each durable consumer. It should return to nearly nothing after each peak.',
          unit: 'short',
          queries: [{ expr: 'durable:lapwing_bus_consumer_lag:max', legend: '{{durable}}' }],
          min: 0,
        },
      ],
    },
  ],
};
