import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { INGEST_VARIABLES } from '../cmd/ingest/config.ts';
import { NOTIFIER_VARIABLES } from '../cmd/notifier/config.ts';
import { PROCESSOR_VARIABLES } from '../cmd/processor/config.ts';
import { TOOL_VARIABLES } from '../cmd/visapi/config.ts';
import type { Variable } from '../lib/config/config.ts';
import { DATABASE_PROGRAMS, roleOf } from '../lib/store/table-rights.ts';
import { generatedPages } from '../scripts/docs/generated-pages.ts';
import { projectRoot } from '../lib/dev/local-home.ts';
import { ACTOR_LANES } from '../streams/actors.ts';
import { allPages, codeOf, readPage, tableRows } from './docs/pages.ts';
import { registeredMetrics, type RegisteredMetric } from './docs/registered-metrics.ts';
import { toolCommands, whyNoCommand } from './docs/tool.ts';

// What the pages say is what the code has: commands, paths, metrics, errors, variables.

const RULES = 'iac/prometheus/visapi.rules.yml';
const METRIC = /\b(?:visapi|process|nodejs|http)_[a-z0-9_]*[a-z0-9]\b/g;
/** Of the database; they look like metrics. */
const ROLES = DATABASE_PROGRAMS.map(roleOf);
/** What Prometheus adds to a series. */
const SCRAPE_LABELS = ['job', 'instance', 'le'];

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity?: string };
  readonly annotations: { readonly summary?: string; readonly runbook?: string };
}

function readRules(): Rule[] {
  const { groups } = parse(readPage(RULES).text) as { groups: readonly { rules: readonly Rule[] }[] };
  return groups.flatMap(({ rules }) => rules);
}

/** The metric behind a name, also where it is the name of a histogram's series. */
function metricOf(metrics: ReadonlyMap<string, RegisteredMetric>, name: string): RegisteredMetric | undefined {
  const histogram = metrics.get(name.replace(/_(bucket|sum|count)$/, ''));
  return metrics.get(name) ?? (histogram?.type === 'histogram' ? histogram : undefined);
}

function missing(path: string): string[] {
  return existsSync(join(projectRoot, path)) ? [] : [path];
}

test('every command of the tool in the pages exists, with its options', async () => {
  const program = await toolCommands();
  const tool = readFileSync(join(projectRoot, 'cmd/visapi/tool.ts'), 'utf8');
  for (const command of program.commands) assert.match(tool, new RegExp(`register${command.name()}\\(program\\)`, 'i'));
  let count = 0;
  for (const page of allPages())
    for (const line of codeOf(page))
      for (const [, words = ''] of line.matchAll(/(?:^|\s)(?:npx )?visapi ([a-z][^|;&)]*)/g)) {
        count++;
        const why = whyNoCommand(program, words.trim().split(/\s+/));
        assert.equal(why, undefined, `${page.path}: visapi ${words.trim()}`);
      }
  assert.ok(count > 30, `only ${count} commands were found`);
});

test('every path in the pages exists, and every promise of the README names its tests', () => {
  const wrong = allPages().flatMap((page) =>
    codeOf(page)
      .flatMap((code) => [
        ...code.matchAll(/(?:^|\s)((?:cmd|lib|streams|test|docs|examples|iac|runbooks|scripts)(?:\/[\w.-]+)*\/?)(?=\s|$)/g),
      ])
      .flatMap(([, path = '']) => (path.includes('/') ? missing(path) : []))
      .map((path) => `${page.path}: ${path}`),
  );
  assert.deepEqual(wrong, []);
  const links = allPages().flatMap((page) =>
    [...page.text.matchAll(/\]\(([\w./-]+\.md)\)/g)].flatMap(([, link = '']) =>
      missing(join(page.path, '..', link)).map((path) => `${page.path}: ${path}`),
    ),
  );
  assert.deepEqual(links, []);
  const promises = tableRows(readPage('README.md')).filter(([promise]) => promise?.startsWith('**'));
  assert.ok(promises.length >= 6);
  for (const [promise, tests = ''] of promises) assert.match(tests, /`[\w/.-]+\.test\.ts`/, promise);
});

test("the README's layout has every folder", () => {
  const layout = readPage('README.md').text.split('## Layout')[1]?.split('```')[1] ?? '';
  const folders = layout
    .trim()
    .split('\n')
    .map((line) => line.split(/\s/)[0] ?? '');
  assert.deepEqual(folders.flatMap(missing), []);
  const rooms = ['cmd', 'lib'].flatMap((folder) => readFolders(folder));
  assert.deepEqual(
    rooms.filter((room) => !folders.includes(room)),
    [],
  );
});

test('every metric in the pages and rules is registered, and docs/metrics.md has them all with their labels', async () => {
  const metrics = await registeredMetrics();
  for (const { path, text } of [...allPages(), readPage(RULES), readPage('iac/prometheus/visapi.rules.test.yml')])
    for (const [name] of text.matchAll(METRIC)) assert.ok(ROLES.includes(name) || metricOf(metrics, name), `${path}: ${name}`);

  const described = new Map(
    tableRows(readPage('docs/metrics.md')).map(([name = '', kind = '', unit = '', labels = '']) => [
      name.replaceAll('`', ''),
      { kind, unit, labels },
    ]),
  );
  const own = [...metrics.keys()].filter((name) => /^(visapi|http)_/.test(name) && name !== 'http_request_summary_seconds');
  assert.deepEqual([...described.keys()].toSorted(), own.toSorted());
  for (const [name, { kind, unit, labels }] of described) {
    const metric = metrics.get(name);
    assert.deepEqual([kind, labels.split(', ').filter(Boolean)], [metric?.type, metric?.labels], name);
    if (/_(seconds|bytes)$/.test(name)) assert.equal(unit, name.split('_').at(-1), name);
    if (kind === 'counter') assert.match(name, /_total$/);
  }
});

test('every label in a rule is one of a metric in that rule', async () => {
  const metrics = await registeredMetrics();
  for (const { alert, expr } of readRules()) {
    const names = [...expr.matchAll(METRIC)].map(([name]) => name);
    const labels = new Set([...SCRAPE_LABELS, ...names.flatMap((name) => metricOf(metrics, name)?.labels ?? [])]);
    const used = [
      ...[...expr.matchAll(/\b(?:by|on) \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(/,\s*/)),
      ...[...expr.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"/g)].map(([, label = '']) => label),
    ];
    assert.deepEqual(
      used.filter((label) => !labels.has(label)),
      [],
      alert,
    );
    for (const [matched, name = ''] of expr.matchAll(/([a-z_]+)\{[^}]*\}/g))
      for (const [, label = ''] of matched.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"/g))
        assert.ok(
          name === 'up' || SCRAPE_LABELS.includes(label) || metricOf(metrics, name)?.labels.includes(label),
          `${alert}: ${matched}`,
        );
  }
});

test('every alert has a severity, a summary, its page, and its test; every page has its alert', () => {
  const rules = readRules();
  const tests = readPage('iac/prometheus/visapi.rules.test.yml').text;
  const index = readPage('runbooks/README.md').text;
  for (const { alert, labels, annotations } of rules) {
    assert.match(labels.severity ?? '', /^(critical|warning)$/, alert);
    assert.ok(annotations.summary, alert);
    const { text } = readPage(annotations.runbook ?? 'none');
    for (const part of ['**What it means.**', '**Look.**', '**Do.**', '**Over when**'])
      assert.ok(text.includes(part), `${annotations.runbook}: ${part}`);
    assert.match(tests, new RegExp(`alertname: ${alert}\\n\\s+exp_alerts`), `${alert} is never seen to fire`);
    assert.ok(index.includes(`| ${alert} | [`), alert);
  }
  const pages = allPages().filter(({ path }) => path.startsWith('runbooks/') && path !== 'runbooks/README.md');
  assert.deepEqual(pages.map(({ path }) => path).toSorted(), rules.map(({ annotations }) => annotations.runbook ?? '').toSorted());
});

test('the alert on units without an owner counts what the actors have', () => {
  const expr = readRules().find(({ alert }) => alert === 'VisapiUnitsNotOwned')?.expr ?? '';
  const counted = [...expr.matchAll(/actor="(\w+)"\}\) < (\d+)/g)].map(([, actor, count]) => [actor, Number(count)]);
  assert.deepEqual(
    counted,
    ACTOR_LANES.map(({ name, partitions }) => [name, partitions]),
  );
});

test('docs/configuration.md and docs/errors.md are what the code says: npm run docs writes them', () => {
  for (const [path, text] of generatedPages()) assert.equal(readPage(path).text, text, path);
});

test('.env.example has every variable of the programs and the tool with its default, and no other', () => {
  const declared = new Map<string, Variable>();
  for (const variables of [INGEST_VARIABLES, PROCESSOR_VARIABLES, NOTIFIER_VARIABLES, TOOL_VARIABLES])
    for (const variable of Object.values(variables) as Variable[])
      declared.set(variable.env, declared.get(variable.env)?.default === undefined ? variable : declared.get(variable.env)!);
  const listed = new Map(
    [...readPage('.env.example').text.matchAll(/^#?([A-Z][A-Z0-9_]*)=(\S*)/gm)].map(([, name = '', value = '']) => [name, value]),
  );
  // Where things are kept, and which broker is run, is asked for by lib/dev itself.
  const known = new Set([...declared.keys(), 'VISAPI_HOME', 'VISAPI_NATS_SERVER']);
  assert.deepEqual([...listed.keys()].toSorted(), [...known].toSorted());
  for (const [name, variable] of declared) {
    // Each program has its own name as the default.
    if (name !== 'VISAPI_INSTANCE' && variable.default !== undefined) assert.equal(listed.get(name), variable.default, name);
  }
});

function readFolders(folder: string): string[] {
  return readdirSync(join(projectRoot, folder), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => `${folder}/${name}`);
}
