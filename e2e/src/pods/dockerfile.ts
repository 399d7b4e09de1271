/**
 * What the stages of a Dockerfile set in the environment of what is built of them, by their names; each has what it is built from, too.
 * `ENV NAME=value` alone is known, the form that ours has.
 */
export function environmentOfStages(dockerfile: string): Record<string, Record<string, string>> {
  const stages: Record<string, Record<string, string>> = {};
  let current: Record<string, string> = {};
  for (const line of dockerfile.replaceAll('\\\n', ' ').split('\n')) {
    const [instruction = '', ...words] = line.trim().split(/\s+/);
    if (instruction === 'FROM') {
      const [base = '', , name = ''] = words;
      current = { ...stages[base] };
      stages[name] = current;
    }
    if (instruction !== 'ENV') continue;
    for (const word of words) {
      const [, name, value] = /^([A-Za-z_]\w*)=([^"'$\\]*)$/.exec(word) ?? [];
      if (name === undefined || value === undefined) throw new Error(`this test cannot read "${line.trim()}"`);
      current[name] = value;
    }
  }
  return stages;
}
