import { INGEST_RELATIONS, INGEST_VARIABLES } from '../../cmd/ingest/config.ts';
import { NOTIFIER_RELATIONS, NOTIFIER_VARIABLES } from '../../cmd/notifier/config.ts';
import { PROCESSOR_RELATIONS, PROCESSOR_VARIABLES } from '../../cmd/processor/config.ts';
import { TOOL_VARIABLES } from '../../cmd/visapi/config.ts';
import type { Relation, Variable, Variables } from '../../lib/config/config.ts';

const HEAD = `# Configuration

Configuration comes from the environment and from nowhere else. A program parses all of it when it starts, reports every problem together, and exits with 78.
A secret may come from a file instead: \`<NAME>_FILE\` names it. This page is written from the \`config.ts\` of each program by \`npm run docs\`.
`;

const PROGRAMS: readonly {
  readonly name: string;
  readonly variables: Variables;
  readonly relations: readonly Pick<Relation<never>, 'of' | 'expected'>[];
}[] = [
  { name: 'ingest', variables: INGEST_VARIABLES, relations: INGEST_RELATIONS },
  { name: 'processor', variables: PROCESSOR_VARIABLES, relations: PROCESSOR_RELATIONS },
  { name: 'notifier', variables: NOTIFIER_VARIABLES, relations: NOTIFIER_RELATIONS },
  { name: 'visapi', variables: TOOL_VARIABLES, relations: [] },
];

/** One table per program; what all long-running programs share comes first, once. */
export function configurationPage(): string {
  const [ingest, processor, notifier] = PROGRAMS.map(({ variables }) => Object.values(variables));
  const shared = (ingest ?? []).filter((each) => [processor, notifier].every((others) => others?.some((other) => isSame(each, other))));
  const sections = PROGRAMS.map(({ name, variables, relations }) => {
    const own = Object.values(variables).filter((each) => !shared.some((other) => isSame(each, other)));
    return section(name, own, relations);
  });
  const everywhere = PROGRAMS.flatMap(({ relations }) => relations);
  return [HEAD, section('All programs', shared, everywhere), ...sections].join('\n');
}

function section(title: string, variables: readonly Variable[], relations: readonly Pick<Relation<never>, 'of' | 'expected'>[]): string {
  const rows = variables.map((each) => {
    const about = [...new Set(relations.filter(({ of }) => of[0] === each.env).map(({ expected }) => expected))];
    return `| \`${each.env}\` | ${cell(each.description)} | ${unitOf(each.env)} | ${defaultOf(each)} | ${cell(about.join('; '))} |`;
  });
  return [`## ${title}`, '', '| name | meaning | unit | default | has to be |', '|---|---|---|---|---|', ...rows, ''].join('\n');
}

const isSame = (left: Variable, right: Variable): boolean =>
  left.env === right.env && left.description === right.description && left.default === right.default;

const UNITS = {
  _MS: 'milliseconds',
  _BYTES: 'bytes',
  _SECONDS: 'seconds',
  _PER_SECOND: 'per second',
  _PER_MINUTE: 'per minute',
  _PORT: 'port',
} as const;

/** The name has it: the longest ending that fits. */
function unitOf(env: string): string {
  const ending = Object.keys(UNITS)
    .toSorted((a, b) => b.length - a.length)
    .find((each) => env.endsWith(each));
  return ending === undefined ? '' : UNITS[ending as keyof typeof UNITS];
}

function defaultOf({ default: value, optional, secret }: Variable): string {
  if (value !== undefined) return value === '' ? 'empty' : `\`${value}\``;
  if (optional === true) return 'not set';
  return secret === true ? '**required** (secret)' : '**required**';
}

const cell = (text: string): string => text.replaceAll('|', String.raw`\|`);
