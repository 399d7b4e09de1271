// Checks the Dockerfile: that what it makes can be made again, is small, and is run by nobody in particular.
import { Copy, DockerfileParser } from 'dockerfile-ast';
import fs from 'node:fs';
import path from 'node:path';
import { SECRET } from './compose-rules.mjs';
import { readCompose } from './compose-file.mjs';

/** @typedef {import('dockerfile-ast').Instruction} Instruction */

/**
 * A part of the file, from one FROM to the next.
 * @typedef {object} Stage
 * @property {string} name
 * @property {string} from the image or the stage that it is built on
 * @property {Instruction[]} instructions
 */

/** Programs that have no place in an image that is run. */
const ofBuilders = /\b(npm|npx|yarn|apt-get|gcc|make|curl|wget)\b/;

/**
 * What is wrong with the Dockerfile, in plain words.
 * @param {string} root
 * @returns {Promise<string[]>}
 */
export async function check(root) {
  const file = path.join(root, 'Dockerfile');
  if (!fs.existsSync(file)) return ['Dockerfile: it is missing'];
  const stages = stagesOf(fs.readFileSync(file, 'utf8'));
  const targets = targetsOf(root);
  const problems = [
    ...(stages.length > 1 ? [] : ['what builds and what runs must be different stages']),
    ...[...targets].filter((name) => !stages.some((stage) => stage.name === name)).map((name) => `no stage ${name}`),
    ...stages.flatMap((stage) =>
      [...problemsOfStage(root, stage, stages), ...(targets.has(stage.name) ? problemsOfFinal(stage, stages) : [])].map(
        (problem) => `${stage.name}: ${problem}`,
      ),
    ),
  ];
  return [...problems.map((problem) => `Dockerfile: ${problem}`), ...problemsOfContext(root)];
}

/**
 * @param {string} text
 * @returns {Stage[]}
 */
function stagesOf(text) {
  const dockerfile = DockerfileParser.parse(text);
  /** @type {Stage[]} */
  const stages = [];
  for (const instruction of dockerfile.getInstructions()) {
    if (instruction.getKeyword() === 'FROM') {
      const [from = '', , name = ''] = argumentsOf(instruction);
      stages.push({ name: name || `stage ${stages.length}`, from, instructions: [] });
    }
    stages.at(-1)?.instructions.push(instruction);
  }
  return stages;
}

/** The stages that compose runs. @param {string} root */
function targetsOf(root) {
  const { services } = readCompose(root, 'docker-compose.yml');
  return new Set(Object.values(services).flatMap(({ build }) => build?.target ?? []));
}

/**
 * @param {string} root
 * @param {Stage} stage
 * @param {Stage[]} stages
 */
function problemsOfStage(root, { from, instructions }, stages) {
  const isStage = stages.some(({ name }) => name === from);
  const isPinned = /^[^:@]+:v?\d+\.\d+\.\d+[^:@]*(@sha256:[0-9a-f]{64})?$/.test(from);
  const problems = isStage || isPinned ? [] : [`it is built on "${from}", which is not the tag of one version`];
  for (const instruction of instructions) {
    const keyword = instruction.getKeyword();
    if (keyword === 'ADD') problems.push('ADD fetches and unpacks what is not asked for: use COPY');
    if (keyword === 'COPY') problems.push(...problemsOfCopy(root, instruction, stages));
    if (keyword === 'ARG' || keyword === 'ENV')
      problems.push(
        ...namesIn(instruction)
          .filter((name) => SECRET.test(name) || /PRIVATE/.test(name))
          .map((name) => `${keyword} ${name} would be kept in the image, for everybody to read`),
      );
  }
  return problems;
}

/**
 * @param {string} root
 * @param {Instruction} instruction
 * @param {Stage[]} stages
 */
function problemsOfCopy(root, instruction, stages) {
  const sources = argumentsOf(instruction).slice(0, -1);
  const from = instruction instanceof Copy ? instruction.getFromFlag()?.getValue() : undefined;
  if (from) return stages.some(({ name }) => name === from) ? [] : [`COPY from "${from}", which is no stage`];
  return sources
    .filter((source) => !fs.existsSync(path.join(root, source)))
    .map((source) => `COPY of ${source}, which is not there`);
}

/**
 * What is run: who it is, and what came along.
 * @param {Stage} stage
 * @param {Stage[]} stages
 */
function problemsOfFinal(stage, stages) {
  const own = stage.instructions;
  const inherited = lineOf(stage, stages).flatMap(({ instructions }) => instructions);
  const user = own.findLast((one) => one.getKeyword() === 'USER');
  const [id = ''] = (user ? argumentsOf(user) : []).join('').split(':');
  const problems = [];
  if (!/^[1-9]\d*$/.test(id)) problems.push('it must end as a USER with a number other than 0');
  const runs = inherited.filter((one) => one.getKeyword() === 'RUN').map((one) => one.getRawArgumentsContent() ?? '');
  const installs = runs.flatMap((text) => text.split(/&&|;/)).filter((text) => !/^\s*rm\b/.test(text));
  if (installs.some((text) => ofBuilders.test(text))) problems.push('what is run must not install or fetch anything');
  const environment = inherited.filter((one) => one.getKeyword() === 'ENV').flatMap((one) => argumentsOf(one));
  if (!environment.includes('NODE_ENV=production')) problems.push('NODE_ENV must be production');
  const labels = own.filter((one) => one.getKeyword() === 'LABEL').map((one) => one.getRawArgumentsContent() ?? '');
  for (const label of ['title', 'description', 'version', 'licenses'])
    if (!labels.some((text) => text.includes(`org.opencontainers.image.${label}=`)))
      problems.push(`it has no label org.opencontainers.image.${label}`);
  return problems;
}

/**
 * A stage with those that it is built on.
 * @param {Stage} stage
 * @param {Stage[]} stages
 * @returns {Stage[]}
 */
function lineOf(stage, stages) {
  const parent = stages.find(({ name }) => name === stage.from);
  return parent ? [...lineOf(parent, stages), stage] : [stage];
}

/** What goes to the builder is named, and nothing else goes. @param {string} root */
function problemsOfContext(root) {
  const file = path.join(root, '.dockerignore');
  if (!fs.existsSync(file)) return ['.dockerignore: it is missing'];
  const lines = fs.readFileSync(file, 'utf8').split('\n');
  const rules = lines.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));
  const problems = rules[0] === '*' ? [] : ['it must begin with *, and then name what goes to the builder'];
  const named = rules.filter((rule) => rule.startsWith('!')).map((rule) => rule.slice(1));
  for (const rule of named.filter((one) => /^(\.git|\.data|\.env|node_modules)\b/.test(one)))
    problems.push(`${rule} must not go to the builder`);
  for (const wanted of ['**/node_modules', '**/dist', '**/.data', '**/.env'])
    if (!rules.includes(wanted)) problems.push(`${wanted} must not go to the builder, wherever it lies`);
  return problems.map((problem) => `.dockerignore: ${problem}`);
}

/** @param {Instruction} instruction */
const argumentsOf = (instruction) => instruction.getArguments().map((argument) => argument.getValue());

/** The names that ARG and ENV give. @param {Instruction} instruction */
const namesIn = (instruction) => argumentsOf(instruction).map((word) => word.split('=')[0] ?? '');
