import { compile, MAX_SOURCE_BYTES, TemplateError, type RenderOptions } from './template';

const render = (template: string, data: Record<string, unknown>, options: Partial<RenderOptions> = {}): string =>
  compile(template).render(data, { escape: 'none', ...options });
const list = (length: number): number[] => Array.from({ length }, (_, at) => at);

describe('a template reaches only what the data holds itself', () => {
  const called = jest.fn(() => 'called');
  class Secret {
    readonly password = 'hunter2';
    toString = called;
    toJSON = called;
  }
  const inherited = Object.create({ secret: 'inherited' }) as Record<string, unknown>;
  const data: Record<string, unknown> = {
    text: 'abc',
    list: ['a', 'b'],
    map: { a: 1 },
    run: called,
    instance: new Secret(),
    holder: { toJSON: called, toString: called, valueOf: called, kept: 'yes' },
    inherited,
    date: new Date(0),
    bare: Object.assign(Object.create(null), { x: 'bare' }),
    symbol: Symbol('s'),
    big: 1n,
  };
  Object.defineProperty(data, 'hidden', { value: 'hidden', enumerable: false });
  Object.defineProperty(data, 'computed', { get: called, enumerable: true });

  it.each(
    [
      'constructor __proto__ prototype toString hasOwnProperty valueOf __defineGetter__ constructor.constructor',
      'text.length text.constructor list.length list.constructor list.map map.constructor map.__proto__.constructor',
      'run run.name instance instance.password inherited.secret date date.getTime symbol big hidden computed',
    ].flatMap((names) => names.split(' ')),
  )('not .%s', (name) => {
    expect(render(`{{.${name}}} {{json .${name}}} {{len (print .${name})}}`, data)).toBe('<no value> null 5');
    expect(called).not.toHaveBeenCalled();
  });

  it('nor by index', () => {
    const keys = ['constructor', '__proto__', 'toString', 'hidden', 'computed', 'run'];
    const template = keys.map((key) => `{{index . "${key}"}}`).join('');
    expect(render(template, data)).toBe('<no value>'.repeat(keys.length));
    expect(() => render('{{index .list "length"}}', data)).toThrow(TemplateError);
    expect(called).not.toHaveBeenCalled();
  });

  it('nor by printing, comparing, or as JSON', () => {
    expect(render('{{json .holder}} {{.holder}} {{urlquery .instance}} {{if .instance}}a{{end}}', data)).toBe(
      '{"kept":"yes","toJSON":null,"toString":null,"valueOf":null} ' +
        'map[kept:yes toJSON:<nil> toString:<nil> valueOf:<nil>] %3Cno+value%3E ',
    );
    expect(render('{{range $k, $v := .holder}}{{$k}} {{end}}{{eq .instance nil}}', data)).toBe(
      'kept toJSON toString valueOf true',
    );
    expect(called).not.toHaveBeenCalled();
  });

  it('but what has the name of something inherited', () => {
    const own = JSON.parse('{"__proto__": {"x": 1}, "constructor": "c", "length": 2}') as Record<string, unknown>;
    expect(render('{{.__proto__.x}}{{.constructor}}{{.length}}{{index . "__proto__" "x"}}', own)).toBe('1c21');
    expect(render('{{.bare.x}}', data)).toBe('bare');
  });
});

describe('a template ends', () => {
  it('when it takes too many steps', () => {
    const data = { L: list(100_000), M: Object.fromEntries(list(10_000).map((at) => [`k${at}`, at])) };
    const templates = [
      '{{range .L}}{{range $.L}}{{range $.L}}{{range $.L}}{{end}}{{end}}{{end}}{{end}}',
      '{{range 9007199254740991}}{{end}}',
      '{{range .L}}{{range $.M}}{{break}}{{end}}{{end}}{{range .L}}{{end}}',
      '{{range .L}}{{if $.M}}{{end}}{{end}}',
      '{{range .L}}{{$x := printf "%.1000f" 1e-300}}{{end}}',
      `{{range .L}}{{print${' .'.repeat(20_000)} | len}}{{end}}`,
      '{{range .L}}{{$x := slice $.L 1}}{{end}}',
    ];
    for (const template of templates) expect(() => render(template, data)).toThrow('the template takes too many steps');
    expect(() => render('{{range .L}}{{end}}', data, { maxSteps: 1000 })).toThrow(TemplateError);
    expect(render('{{range .L}}{{end}}', data, { maxSteps: 1_000_000 })).toBe('');
  });

  it('after 40 000 steps, when nobody says otherwise', () => {
    const longest = (options: Partial<RenderOptions>): number => {
      let [fits, tooMany] = [0, 100_000];
      while (tooMany - fits > 1) {
        const middle = Math.floor((fits + tooMany) / 2);
        try {
          render(`{{range ${middle}}}{{end}}`, {}, options);
          fits = middle;
        } catch {
          tooMany = middle;
        }
      }
      return fits;
    };
    expect(longest({})).toBe(longest({ maxSteps: 40_000 }));
    expect(longest({})).toBeLessThan(longest({ maxSteps: 40_100 }));
    expect(longest({})).toBeGreaterThan(longest({ maxSteps: 39_900 }));
  });

  it.each([
    ['{{$x := printf "%.500f" .X}}', 1.5, 500],
    ['{{$x := printf "%.500e" .X}}', 1.5, 500],
    ['{{$x := printf "%.250f%.250f" .X .X}}', 1.5, 500],
    ['{{$x := printf "%f" .X}}', 1e300, 100],
    ['{{$x := printf "%f" .X}}', -1e300, 100],
  ])('by digit, in %s of %d', (template, X, digits) => {
    const few = 40;
    expect(() => render(template, { X }, { maxSteps: digits })).toThrow('the template takes too many steps');
    expect(render(template, { X }, { maxSteps: digits + few })).toBe('');
    expect(render(template.replaceAll('.500', '').replaceAll('.250', ''), { X: 1.5 }, { maxSteps: few })).toBe('');
  });

  it('by each fourth character that may have to be escaped', () => {
    const X = 'x'.repeat(4000);
    expect(() => render('{{$x := html .X}}', { X }, { maxSteps: 1000 })).toThrow('the template takes too many steps');
    expect(render('{{$x := html .X}}', { X }, { maxSteps: 1200 })).toBe('');
  });

  it('when it works on long texts again and again', () => {
    const X = '\u0001é"'.repeat(10_000);
    const calls = ['html $.X', 'js $.X', 'urlquery $.X', 'upper $.X', 'printf "%q" $.X', 'json $.X', 'len $.X'];
    const searches = [
      `contains "${'a'.repeat(5000)}b" $.Y`,
      'replace "a" "bb" $.Y',
      'replace "" "b" $.Y',
      'eq $.X $.Z',
    ];
    for (const call of [...calls, ...searches]) {
      const template = `{{range .L}}{{$x := ${call}}}{{end}}`;
      const data = { L: list(100_000), X, Y: 'a'.repeat(100_000), Z: `${X} ` };
      expect(() => render(template, data)).toThrow('the template takes too many steps');
    }
  });

  it('when a text or the output gets too long', () => {
    const data = { X: 'x'.repeat(200_000) };
    const tooLong = 'a text gets longer than 262144 bytes';
    const maxSteps = 100_000;
    expect(() => render('{{$x := "x"}}{{range 99}}{{$x = print $x $x}}{{end}}', data, { maxSteps })).toThrow(tooLong);
    expect(() => render('{{$x := printf "%s%s" .X .X}}', data, { maxSteps })).toThrow(tooLong);
    expect(() => render('{{$x := replace "x" "xxxx" .X}}', { X: 'x'.repeat(70_000) }, { maxSteps })).toThrow(tooLong);
    expect(() => render('{{$x := join .X "-----"}}', { X: list(50_000) }, { maxSteps })).toThrow(tooLong);
    expect(() => render('{{.X}}{{.X}}', data)).toThrow('the output gets longer than 262144 bytes');
    expect(() => render('{{range 100}}xxxxx{{end}}', {}, { maxBytes: 499 })).toThrow('longer than 499 bytes');
    expect(render('{{range 100}}xxxxx{{end}}', {}, { maxBytes: 500 })).toHaveLength(500);
    expect(() => render('ééé', {}, { maxBytes: 5 })).toThrow(TemplateError);
  });

  it('when data contains itself', () => {
    const data: Record<string, unknown> = {};
    data.self = data;
    data.list = [data];
    for (const template of ['{{.}}', '{{json .}}', '{{print .list}}', '{{join .list ","}}'])
      expect(() => render(template, data)).toThrow('nested more than 50 deep');
    expect(render('{{.self.self.self.x}}', data)).toBe('<no value>');
  });
});

describe('a template is refused', () => {
  it('when it is too long', () => {
    expect(() => compile('x'.repeat(MAX_SOURCE_BYTES + 1))).toThrow(
      'line 1, column 1: the template is longer than 64 KiB',
    );
    expect(() => compile('é'.repeat(MAX_SOURCE_BYTES / 2 + 1))).toThrow(TemplateError);
    expect(() => compile('{{'.repeat(500_000))).toThrow(TemplateError);
    expect(render('x'.repeat(MAX_SOURCE_BYTES), {})).toHaveLength(MAX_SOURCE_BYTES);
  });

  it.each<[open: string, middle: string, close: string]>([
    ['{{if 1}}', '', '{{end}}'],
    ['{{with 1}}', '', '{{end}}'],
    ['{{range 1}}', '', '{{end}}'],
    ['(', '1', ')'],
    ['(print ', '1', ')'],
  ])('when %s is nested too deep', (open, middle, close) => {
    const [start, end] = open.startsWith('{') ? ['', ''] : ['{{', '}}'];
    const nested = (depth: number): string => start + open.repeat(depth) + middle + close.repeat(depth) + end;
    expect(() => compile(nested(50))).not.toThrow();
    expect(() => compile(nested(51))).toThrow('blocks and parentheses are nested more than 50 deep');
    expect(() => compile(nested(3000))).toThrow(TemplateError);
    expect(() => compile(start + open.repeat(6000))).toThrow(TemplateError);
  });

  it('but not for being long', () => {
    const longs = [
      `{{if 0}}${'{{else if 0}}'.repeat(5000)}{{else}}x{{end}}`,
      `{{"x"${'|print'.repeat(10_000)}}}`,
      `{{slice (print 0${' 1'.repeat(30_000)}) 0 0}}x`,
      `{{with .X${'.a'.repeat(30_000)}}}{{else}}x{{end}}`,
      `${'{{$a:=1}}'.repeat(7000)}x`,
    ];
    for (const template of longs) expect(render(template, {}, { maxSteps: 100_000 })).toBe('x');
    expect(render(`{{len "${String.raw`\x41`.repeat(16_000)}"}}`, {})).toBe('16000');
  });
});

describe('a template that was damaged', () => {
  const templates = [
    '{"alert": "{{.Level}}: {{.Message}}", "value": {{.Value}}}',
    '{{- /* c */ -}} {{printf "%5.2f|%-8q|%+d" .Value .Level 42 | html}}{{$x := "a\\u00e9\\n"}}{{$x = `raw`}}{{$x}}',
    '{{if and (eq .Level "critical" "x") (gt .Value 90.5)}}A{{else if not .Missing}}B{{else}}C{{end}}',
    '{{range $i, $a := .Alerts}}{{if $i}}, {{end}}{{with $a.ResourceName}}{{. | upper | urlquery}}{{else}}-{{end}}{{end}}',
    "{{range .Alerts}}{{continue}}{{else}}{{end}}{{range 5}}{{break}}{{end}}{{index .Alerts 0 | json}}{{'x'}}{{0x1F}}{{1e3}}",
    '{{slice .Level 1 3}}{{(index .Alerts 1).ResourceName | default "-"}}{{len .Alerts}}{{join .List ", "}}{{replace "a" "b" .Message}}',
  ];
  const data = {
    Level: 'critical',
    Message: 'Disk "sda"',
    Value: 95.5,
    List: ['a', 1, null],
    Alerts: [{ ResourceName: 'a b' }, { ResourceName: 'vm2', Deep: { x: [1] } }],
  };
  const pieces = [
    '{{',
    '}}',
    '(',
    ')',
    '|',
    '.',
    '$',
    '"',
    '`',
    "'",
    '\\',
    '-',
    ' ',
    '\n',
    '{{end}}',
    '{{else}}',
    '%',
    '9999',
  ];

  /** A generator of numbers below a limit that gives the same ones each time (mulberry32). */
  function numbers(seed: number): (limit: number) => number {
    let state = seed;
    return (limit) => {
      state = (state + 0x6d2b79f5) | 0;
      const mixed = Math.imul(state ^ (state >>> 15), 1 | state);
      const again = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
      return ((again ^ (again >>> 14)) >>> 0) % limit;
    };
  }

  function damaged(template: string, below: (limit: number) => number): string {
    let bytes = Buffer.from(template);
    for (let left = 1 + below(4); left > 0; left -= 1) {
      const at = below(bytes.length + 1);
      const cut = below(3) === 0 ? below(8) : 1;
      const piece = Buffer.from(pieces[below(pieces.length)] ?? '');
      const put = [Buffer.alloc(0), Buffer.from([below(256)]), piece, bytes.subarray(below(bytes.length + 1))][
        below(4)
      ];
      bytes = Buffer.concat([bytes.subarray(0, at), put ?? piece, bytes.subarray(at + (below(2) ? cut : 0))]);
    }
    return bytes.toString('utf8');
  }

  const modes = ['json', 'url', 'none'] as const;
  it('renders, or says what is wrong with it: 6 × 2000 times', () => {
    const below = numbers(2026);
    const outcomes = { rendered: 0, refused: 0, failed: 0 };
    for (let round = 0; round < 2000; round += 1) {
      for (const template of templates) {
        const source = damaged(template, below);
        outcomes[attempt(source, modes[below(modes.length)] ?? 'none')] += 1;
      }
    }
    // Damage is to be found in all places.
    expect(Math.min(...Object.values(outcomes))).toBeGreaterThan(100);
  });

  function attempt(source: string, escape: RenderOptions['escape']): 'rendered' | 'refused' | 'failed' {
    let outcome: 'refused' | 'failed' = 'refused';
    try {
      const template = compile(source);
      outcome = 'failed';
      template.render(data, { escape });
      return 'rendered';
    } catch (error) {
      if (!(error instanceof TemplateError))
        throw new Error(`not a TemplateError for ${JSON.stringify(source)}`, { cause: error });
      expect(error.message).toMatch(/^line \d+, column \d+: ./);
      return outcome;
    }
  }
});
