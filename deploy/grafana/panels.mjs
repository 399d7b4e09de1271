// The pieces that dashboards are made of: compact descriptions become what Grafana keeps.

/**
 * A question to Prometheus.
 * @typedef {{ expr: string, legend?: string, exemplars?: boolean, instant?: boolean }} Query
 */
/**
 * @typedef {object} Panel
 * @property {string} title
 * @property {string} description What it shows, and what is good or bad about it.
 * @property {'timeseries' | 'stat' | 'table' | 'bargauge' | 'state-timeline'} [type]
 * @property {string} unit Grafana's name of it, e.g. `s`, `reqps`, `bytes`, `short`, `percentunit`.
 * @property {Query[]} queries
 * @property {[string, number | null][]} [thresholds] Colours and from which value on they hold.
 * @property {number} [width] Of 24.
 * @property {number} [height]
 * @property {number} [min]
 * @property {number} [max]
 * @property {boolean} [stacked]
 * @property {Record<string, { text: string, color: string }>} [texts] What stands instead of a value.
 * @property {string[]} [columns] Labels that a table shows beside the value.
 */
/** @typedef {{ title: string, panels: Panel[] }} Row */
/** @typedef {{ uid: string, title: string, description: string, variables: string[], rows: Row[] }} Board */

export const PROMETHEUS = 'lapwing-prometheus';
const source = { type: 'prometheus', uid: PROMETHEUS };

const colours = { mode: 'palette-classic' };
const byThreshold = { mode: 'thresholds' };

/** Values of states: 1 is well, 0.5 is half, 0 is not. */
export const states = {
  1: { text: 'healthy', color: 'green' },
  0.5: { text: 'degraded', color: 'orange' },
  0: { text: 'unhealthy', color: 'red' },
};

/** @param {Panel} panel */
function fieldConfig({ type = 'timeseries', unit, thresholds = [['green', null]], min, max, stacked, texts }) {
  const isGraph = type === 'timeseries';
  const lines = {
    drawStyle: 'line',
    lineWidth: 1,
    fillOpacity: stacked ? 30 : 8,
    gradientMode: 'none',
    showPoints: 'never',
    spanNulls: false,
    stacking: { mode: stacked ? 'normal' : 'none', group: 'A' },
    thresholdsStyle: { mode: thresholds.length > 1 ? 'dashed' : 'off' },
  };
  return {
    defaults: {
      unit,
      color: isGraph ? colours : byThreshold,
      ...(min !== undefined && { min }),
      ...(max !== undefined && { max }),
      thresholds: { mode: 'absolute', steps: thresholds.map(([color, value]) => ({ color, value })) },
      ...(isGraph && { custom: lines }),
      ...(type === 'state-timeline' && { custom: { lineWidth: 0, fillOpacity: 80 } }),
      ...(texts && { mappings: [{ type: 'value', options: texts }] }),
    },
    overrides: [],
  };
}

/** @type {Record<NonNullable<Panel['type']>, object>} */
const options = {
  timeseries: {
    legend: { displayMode: 'table', placement: 'bottom', calcs: ['mean', 'max', 'lastNotNull'], showLegend: true },
    tooltip: { mode: 'multi', sort: 'desc' },
  },
  stat: {
    colorMode: 'value',
    graphMode: 'area',
    justifyMode: 'auto',
    textMode: 'auto',
    reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
  },
  bargauge: {
    displayMode: 'gradient',
    orientation: 'horizontal',
    showUnfilled: true,
    reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
  },
  table: { showHeader: true, cellHeight: 'sm', footer: { show: false } },
  'state-timeline': {
    mergeValues: true,
    showValue: 'never',
    rowHeight: 0.85,
    legend: { displayMode: 'list', placement: 'bottom', showLegend: true },
    tooltip: { mode: 'single' },
  },
};

/**
 * Asks of the chosen installation alone. Under compose there is one, whose series have no such label: that is matched by `.*`, too.
 * @param {string} expr
 */
const ofNamespace = (expr) =>
  expr.replaceAll(
    /(?<![\w:"~])((?:\w+:)?lapwing_[\w:]+|ALERTS)(?:\{([^}]*)\})?/g,
    (_, /** @type {string} */ metric, /** @type {string | undefined} */ labels) =>
      `${metric}{namespace=~"$namespace"${labels ? `, ${labels}` : ''}}`,
  );

/**
 * @param {Panel} panel
 * @param {{ id: number, x: number, y: number }} place
 */
function grafanaPanel(panel, { id, x, y }) {
  const { title, description, type = 'timeseries', queries, width = 12, height = 8, columns } = panel;
  const isTable = type === 'table';
  return {
    id,
    type,
    title,
    description,
    datasource: source,
    gridPos: { h: height, w: width, x, y },
    fieldConfig: fieldConfig(panel),
    options: options[type],
    targets: queries.map(({ expr, legend = '', exemplars = false, instant = isTable }, index) => ({
      refId: String.fromCodePoint(65 + index),
      datasource: source,
      editorMode: 'code',
      expr: ofNamespace(expr),
      legendFormat: legend || '__auto',
      range: !instant,
      instant,
      ...(exemplars && { exemplar: true }),
      ...(isTable && { format: 'table' }),
    })),
    ...(columns && {
      transformations: [{ id: 'filterFieldsByName', options: { include: { names: [...columns, 'Value'] } } }],
    }),
  };
}

/** @param {string} name */
const link = (name) => ({
  type: 'dashboards',
  title: name,
  tags: ['lapwing'],
  asDropdown: true,
  keepTime: true,
  includeVars: true,
});

/** @type {Record<string, { label: string, query: string }>} */
const variables = {
  namespace: { label: 'Namespace', query: 'label_values(lapwing_build_info, namespace)' },
  job: { label: 'Service', query: 'label_values(lapwing_process_start_time_seconds, job)' },
  instance: { label: 'Instance', query: 'label_values(lapwing_process_start_time_seconds{job=~"$job"}, instance)' },
  route: { label: 'Route', query: 'label_values(lapwing_http_request_seconds_count, route)' },
  durable: { label: 'Consumer', query: 'label_values(lapwing_bus_messages_total, durable)' },
};

/** @param {string} name */
function variable(name) {
  const { label, query: plain } = variables[name] ?? { label: name, query: '' };
  const query = name === 'namespace' ? plain : ofNamespace(plain);
  return {
    name,
    label,
    type: 'query',
    datasource: source,
    query: { query, refId: `variable-${name}` },
    definition: query,
    refresh: 2,
    sort: 1,
    multi: true,
    includeAll: true,
    allValue: '.*',
    current: { selected: true, text: ['All'], value: ['$__all'] },
  };
}

/**
 * A dashboard as Grafana keeps it. Panels stand side by side until a row is full.
 * @param {Board} board
 */
export function dashboard({ uid, title, description, variables: names, rows }) {
  const panels = [];
  let id = 0;
  let y = 0;
  for (const row of rows) {
    panels.push({
      id: ++id,
      type: 'row',
      title: row.title,
      collapsed: false,
      gridPos: { h: 1, w: 24, x: 0, y },
      panels: [],
    });
    y += 1;
    let x = 0;
    let tallest = 0;
    for (const panel of row.panels) {
      const { width = 12, height = 8 } = panel;
      if (x + width > 24) {
        y += tallest;
        x = 0;
        tallest = 0;
      }
      panels.push(grafanaPanel(panel, { id: ++id, x, y }));
      x += width;
      tallest = Math.max(tallest, height);
    }
    y += tallest;
  }
  return {
    uid,
    title,
    description,
    tags: ['lapwing'],
    timezone: 'browser',
    editable: false,
    graphTooltip: 1,
    refresh: '30s',
    schemaVersion: 39,
    time: { from: 'now-1h', to: 'now' },
    links: [link('Lapwing')],
    templating: { list: ['namespace', ...names].map(variable) },
    annotations: {
      list: [
        {
          name: 'Restarts',
          datasource: source,
          enable: true,
          iconColor: 'orange',
          expr: ofNamespace('changes(lapwing_process_start_time_seconds[1m]) > 0'),
          titleFormat: '{{job}} restarted',
        },
      ],
    },
    panels,
  };
}
