const where = '{job=~"$job", instance=~"$instance"}';

/** What the processes use. @type {import('../panels.mjs').Board} */
export const runtime = {
  uid: 'lapwing-runtime',
  title: 'Lapwing / Runtime of processes',
  description: 'Processor, memory, event loop and garbage collection of each process.',
  variables: ['job', 'instance'],
  rows: [
    {
      title: 'Process',
      panels: [
        {
          title: 'CPU',
          description: 'Processors that each process keeps busy. One thread does nearly all, so 1 is the end.',
          unit: 'short',
          queries: [
            {
              expr: `rate(lapwing_process_cpu_seconds_total${where}[$__rate_interval])`,
              legend: '{{job}} {{instance}}',
            },
          ],
          thresholds: [
            ['green', null],
            ['red', 0.9],
          ],
          min: 0,
        },
        {
          title: 'Memory',
          description: 'Resident memory.',
          unit: 'bytes',
          queries: [{ expr: `lapwing_process_resident_memory_bytes${where}`, legend: '{{job}} {{instance}}' }],
          min: 0,
        },
        {
          title: 'Heap',
          description: 'Used heap of V8. It should return to the same floor after each collection.',
          unit: 'bytes',
          queries: [{ expr: `lapwing_nodejs_heap_size_used_bytes${where}`, legend: '{{job}} {{instance}}' }],
          min: 0,
        },
        {
          title: 'Uptime',
          description: 'Since when each process runs.',
          type: 'bargauge',
          unit: 's',
          queries: [
            {
              expr: `time() - lapwing_process_start_time_seconds${where}`,
              legend: '{{job}} {{instance}}',
              instant: true,
            },
          ],
          min: 0,
        },
      ],
    },
    {
      title: 'Node',
      panels: [
        {
          title: 'Lag of the event loop (p99)',
          description:
            'How late one in a hundred turns is; the clock itself adds 10 ms. Above 250 ms for five minutes an alert is raised.',
          unit: 's',
          queries: [{ expr: `lapwing_nodejs_eventloop_lag_p99_seconds${where}`, legend: '{{job}} {{instance}}' }],
          thresholds: [
            ['green', null],
            ['red', 0.25],
          ],
          min: 0,
        },
        {
          title: 'Garbage collection',
          description: 'The share of time that goes into it.',
          unit: 'percentunit',
          queries: [
            {
              expr: `sum by (job, instance) (rate(lapwing_nodejs_gc_duration_seconds_sum${where}[$__rate_interval]))`,
              legend: '{{job}} {{instance}}',
            },
          ],
          min: 0,
        },
        {
          title: 'Open files and connections',
          description: 'File descriptors, as a share of what the process may have.',
          unit: 'percentunit',
          queries: [
            {
              expr: `lapwing_process_open_fds${where} / lapwing_process_max_fds${where}`,
              legend: '{{job}} {{instance}}',
            },
          ],
          thresholds: [
            ['green', null],
            ['red', 0.8],
          ],
          min: 0,
        },
        {
          title: 'Handles',
          description: 'What the event loop waits for: sockets, timers, files. It should not grow for ever.',
          unit: 'short',
          queries: [{ expr: `lapwing_nodejs_active_handles_total${where}`, legend: '{{job}} {{instance}}' }],
          min: 0,
        },
      ],
    },
  ],
};
