import { compile, TemplateError, type RenderOptions } from './template';

const data = {
  Level: 'critical',
  Message: 'Disk "sda" is full\n\\o/ 🎉 größer',
  ResourceName: 'web & db/1',
  Value: 95,
  Share: 0.5,
  Acknowledged: false,
  Empty: '',
  Tags: ['a"b', 'c'],
  Alerts: [{ ResourceName: 'vm1' }, { ResourceName: 'vm2' }],
  Labels: { b: 1, a: { 'x"': null } },
};
type Mode = RenderOptions['escape'];
const render = (template: string, escape: Mode = 'none', values: Record<string, unknown> = data): string =>
  compile(template).render(values, { escape });
const failure = (template: string): string => {
  try {
    return `put out ${render(template)}`;
  } catch (error) {
    if (error instanceof TemplateError) return error.message;
    throw error;
  }
};

describe("Pulse's webhooks", () => {
  it.each<[template: string, output: string]>([
    [
      '{"alert": "{{.Level}}: {{.Message}}", "value": {{.Value}}}',
      String.raw`{"alert": "critical: Disk \"sda\" is full\n\\o/ 🎉 größer", "value": 95}`,
    ],
    ['{{printf "%.1f" .Value}}', '95.0'],
    ['{{printf "%d" .Value}}', '95'],
    ['{{if eq .Level "critical"}}#f00{{else}}#fa0{{end}}', '#f00'],
    ['{{if gt .Value 90.0}}high{{end}}', 'high'],
    ['{{range .Alerts}}{{.ResourceName}}{{end}}', 'vm1vm2'],
    ['{{.ResourceName | urlquery}}', 'web+%26+db%2F1'],
    ['{{title .Level}}', 'Critical'],
    ['{{if .Acknowledged}}yes{{else}}no{{end}}', 'no'],
    ['{"text": {{printf "%q" .Message}}}', String.raw`{"text": "Disk \"sda\" is full\n\\o/ 🎉 größer"}`],
  ])('%s', (template, output) => expect(render(template, 'json')).toBe(output));
});

describe('escaping', () => {
  it.each<[mode: Mode, template: string, output: string]>([
    ['json', '{{.Tags}}', String.raw`[a\"b c]`],
    ['json', '{{.Value}} {{.Share}} {{.Acknowledged}}', '95 0.5 false'],
    ['json', '{{.Missing}}', '<no value>'],
    ['json', '{{json .Tags}}', String.raw`["a\"b","c"]`],
    ['json', '{{json .Labels}}', String.raw`{"a":{"x\"":null},"b":1}`],
    ['json', '{{json .Missing}} {{json .Level}} {{.Share | json}} {{json true}}', 'null "critical" 0.5 true'],
    // What is made of something escaped is a text like any other.
    ['json', '{{json .Level | upper}}', String.raw`\"CRITICAL\"`],
    ['json', '{{print (json .Level)}}', String.raw`\"critical\"`],
    [
      'json',
      '{{$x := json .Level}}{{$x}} {{or .Empty $x}} {{.Empty | default $x}}',
      '"critical" "critical" "critical"',
    ],
    ['json', '{{printf "%q" .Tags}}', String.raw`["a\"b" "c"]`],
    ['json', '{{printf "<\\"%s\\" %q>" "\\"" "\\""}}', String.raw`<\"\"\" "\"">`],
    ['json', '{{printf "%q" "\\x01\\x7f"}} {{printf "%q" 34}}', '"\\u0001\u007f" "\\""'],
    ['none', '{{printf "%q" "\\x01\\x7f"}} {{printf "%q" 34}}', String.raw`"\x01\x7f" '"'`],
    ['json', '{{urlquery "\\"&"}}', '%22%26'],
    ['url', 'https://x/{{.ResourceName}}?v={{.Value}}', 'https://x/web%20%26%20db%2F1?v=95'],
    ['url', '{{urlpath .ResourceName}} {{pathescape "a+b:c"}} {{urlencode "a b"}}', 'web%20&%20db%2F1 a+b:c a+b'],
    ['url', '{{urlquery "a b" | print}}', 'a%2Bb'],
    ['url', '{{json "a"}} {{printf "%q" "a"}} {{.Missing}}', '%22a%22 %22a%22 %3Cno%20value%3E'],
    ['none', '{{json "a"}} {{.Message}}', `"a" ${data.Message}`],
  ])('%s: %s', (mode, template, output) => expect(render(template, mode)).toBe(output));

  it('keeps JSON JSON, whatever the data', () => {
    const template = compile('{"a": "{{.X}}", "b": {{json .X}}, "c": {{printf "%q" .X}}, "d": "{{upper .X}}{{.L}}"}');
    const units = Array.from({ length: 0x10000 / 64 }, (_, at) => at * 64);
    for (const first of units) {
      const all = Array.from({ length: 64 }, (_, at) => `"${String.fromCharCode(first + at)}\\`).join('');
      const output = template.render({ X: all, L: [all, { [all]: all }] }, { escape: 'json' });
      expect(JSON.parse(output)).toMatchObject({ a: all, b: all, c: all });
    }
  });

  it('puts halves of surrogate pairs into URLs as the character that stands for none', () =>
    expect(render('{{.X}} {{urlquery .X}} {{urlpath .X}}', 'url', { X: '\ud800' })).toBe(
      '%EF%BF%BD %EF%BF%BD %EF%BF%BD',
    ));
});

describe('what Lapwing adds', () => {
  it.each<[template: string, output: string]>([
    ['{{.Missing | default "-"}} {{.Empty | default "-"}} {{.Level | default "-"}} {{default "x"}}', '- - critical x'],
    ['{{join .Tags ", "}} {{.Tags | join "/"}}', 'a"b, c a"b/c'],
    [
      '{{contains "rit" .Level}} {{.Level | contains "x"}} {{.Tags | contains "c"}} {{contains 1 .Tags}}',
      'true false true false',
    ],
    [
      '{{replace "c" "k" .Level}} {{.Level | replace "" "."}} {{replace "i" "$&" "hi"}}',
      'kritikal .c.r.i.t.i.c.a.l. h$&',
    ],
    ['{{replace "" "-" "🎉"}} {{replace "x" "y" ""}}|', '-🎉- |'],
    ['{{trim "\\t a b \\n"}}|', 'a b|'],
    ['{{range 3}}{{.}}{{end}} {{range $i := 2}}{{$i}}{{end}} {{range 0}}{{else}}none{{end}}', '012 01 none'],
    ['{{$i := 0}}{{$e := 1}}{{range $i, $e = .Tags}}{{end}}{{$i}}{{$e}}', '1c'],
    // A whole number is an int and a float64 at once.
    ['{{printf "%d %.2f %5.1f %v %x" .Value .Value 3 .Value 255}}', '95 95.00   3.0 95 ff'],
    ['{{printf "%.2f" 1234567}} {{1e6}} {{eq .Value 95.0 }} {{lt .Share 1}}', '1234567.00 1000000 true true'],
    ['{{printf "%2000d|" 1 | len}}', '1001'],
  ])('%s', (template, output) => expect(render(template)).toBe(output));
});

it('renders again and again, and never changes the data', () => {
  const template = compile('{{$x := 0}}{{range .Tags}}{{$x}}{{$x = .}}{{end}}');
  const frozen = Object.freeze({ Tags: Object.freeze(['a', 'b']) });
  const outputs = [1, 2].map(() => template.render(frozen, { escape: 'none' }));
  expect(outputs).toEqual(['0a', '0a']);
});

describe('an error at its place', () => {
  it.each<[template: string, message: string]>([
    ['a\nb\n  {{.X}', 'line 3, column 7: unexpected "}"'],
    ['a\n{{.X', 'line 2, column 1: the action is not closed: "}}" is missing'],
    ['{{/* x', 'line 1, column 3: the comment is not closed: "*/" is missing'],
    ['{{/* x */ .X}}', 'line 1, column 10: a comment must fill its action: "}}" must follow "*/"'],
    ['{{"a}}', 'line 1, column 3: the string is not closed: " is missing'],
    ['{{"\\q"}}', String.raw`line 1, column 3: the string "\"\\q\"" has an escape that is not known`],
    ["{{'ab'}}", `line 1, column 3: "'ab'" must be one character`],
    ['{{9007199254740992}}', 'line 1, column 3: "9007199254740992" is too large: integers go up to 2^53'],
    ['{{1.2.3}}', 'line 1, column 3: "1.2.3" is not a number'],
    ['{{}}', 'line 1, column 3: a value is missing'],
    ['{{if}}{{end}}', 'line 1, column 5: a value is missing'],
    ['x\n{{if .X}}\ny', 'line 2, column 3: {{if}} is not closed: {{end}} is missing'],
    ['{{range .X}}{{else}}', 'line 1, column 3: {{range}} is not closed: {{end}} is missing'],
    ['{{if .X}}{{else}}{{else}}{{end}}', 'line 1, column 20: {{if}} has an {{else}} already'],
    ['{{end}}', 'line 1, column 3: there is nothing that {{end}} could belong to'],
    ['{{nope .X}}', 'line 1, column 3: the function "nope" is not known'],
    ['{{.X | nope}}', 'line 1, column 8: the function "nope" is not known'],
    ['{{constructor}}', 'line 1, column 3: the function "constructor" is not known'],
    ['{{upper}}', 'line 1, column 3: "upper" takes 1 argument, not 0'],
    ['{{.X | upper .Y}}', 'line 1, column 8: "upper" takes 1 argument, not 2'],
    ['{{eq .X}}', 'line 1, column 3: "eq" takes at least 2 arguments, not 1'],
    ['{{slice .X 1 2 3 4}}', 'line 1, column 3: "slice" takes 1 to 4 arguments, not 5'],
    ['{{printf "%*d" 1 2}}', 'line 1, column 10: printf does not know "%*"'],
    ['{{printf "%[2]d" 1 2}}', 'line 1, column 10: printf does not know "%["'],
    ['{{$x}}', 'line 1, column 3: the variable "$x" is not defined'],
    ['{{if .X}}{{$x := 1}}{{end}}{{$x}}', 'line 1, column 30: the variable "$x" is not defined'],
    ['{{$x = 1}}', 'line 1, column 3: the variable "$x" is not defined'],
    ['{{$e := 1}}{{range $i, $e = .Tags}}{{end}}', 'line 1, column 20: the variable "$i" is not defined'],
    ['{{$ = 1}}', 'line 1, column 3: "$" is the data, and cannot be set'],
    ['{{.X .Y}}', 'line 1, column 6: ".X" is no function and takes no arguments'],
    ['{{.X | .Y}}', 'line 1, column 8: only a function can stand behind "|", not ".Y"'],
    ['{{(.X}}', 'line 1, column 6: unexpected "}}"'],
    ['{{nil}}', 'line 1, column 3: nil is no value to put out'],
    ['{{break}}', 'line 1, column 3: {{break}} must stand in a {{range}}'],
    ['{{define "x"}}{{end}}', 'line 1, column 3: {{define}} is not supported: a template stands alone'],
    ['{{template "x"}}', 'line 1, column 3: {{template}} is not supported: a template stands alone'],
    ['{{block "x" .}}{{end}}', 'line 1, column 3: {{block}} is not supported: a template stands alone'],
    ['{{call .X}}', 'line 1, column 3: "call" is not supported: the data has no functions'],
  ])('%j cannot be read', (template, message) => {
    expect(() => compile(template)).toThrow(TemplateError);
    expect(failure(template)).toBe(message);
  });

  it.each<[template: string, message: string]>([
    ['a\n{{eq .Level 1}}', 'line 2, column 3: a string cannot be compared with a number'],
    ['{{lt true false}}', 'line 1, column 3: a bool has no order'],
    ['{{eq .Tags .Tags}}', 'line 1, column 3: a list cannot be compared'],
    ['{{ upper .Value }}', 'line 1, column 4: a string is needed here, not a number'],
    ['{{index .Tags 2}}', 'line 1, column 3: the index 2 is out of range'],
    ['{{index .Tags .Share}}', 'line 1, column 3: an index must be a whole number, not 0.5'],
    ['{{index .Labels 1}}', 'line 1, column 3: the keys of a map are strings, not a number'],
    ['{{len .Value}}', 'line 1, column 3: a number has no length'],
    ['{{slice .Level 3 1}}', 'line 1, column 3: the bounds 3, 1 are out of order'],
    ['{{join .Level ","}}', 'line 1, column 3: a list is needed here, not a string'],
    ['{{range .Level}}{{end}}', 'line 1, column 9: {{range}} cannot go through a string'],
    ['{{range .Share}}{{end}}', 'line 1, column 9: {{range}} cannot go through 0.5'],
  ])('%j cannot be rendered', (template, message) => expect(failure(template)).toBe(message));

  it('tells line and column', () => {
    expect.assertions(1);
    try {
      compile('🎉\r\n {{nope}}');
    } catch (error) {
      expect(error).toMatchObject({ name: 'TemplateError', line: 2, column: 4 });
    }
  });
});
