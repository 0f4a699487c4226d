import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { parseApiKey } from '../access/api-key.ts';
import { createSeal } from '../core/seal.ts';
import { Secret } from '../core/secret.ts';
import { poll } from '../dev/poll.ts';
import { openOwnBroker, openTestAccount } from '../dev/test-bed.ts';
import { createTestSecrets, storeTestSettings, type TestSecrets } from '../dev/test-settings.ts';
import { type BrokerConnection, connectBroker } from '../jetstream/connection.ts';
import { requestApi } from '../jetstream/api-request.ts';
import { bucketStream, createKvBucket } from '../jetstream/kv-bucket.ts';
import { applyStreams } from '../jetstream/stream-plan.ts';
import { createLog } from '../telemetry/log.ts';
import { settingsMetrics } from '../telemetry/door-metrics.ts';
import { createRegistry } from '../telemetry/metrics.ts';
import { openSettings, type OpenSettings } from './settings.ts';
import { seededRandom } from '../core/seeded-random.ts';
import { patience } from '../dev/test-scale.ts';
import { testSeed } from '../dev/test-seed.ts';

const BUCKET = bucketStream({ name: 'config', description: 'for tests', maxBytes: 4 * 1024 ** 2, replicas: 1 });
/** What is promised of every change. */
const WITHIN_MS = patience(5_000);
/** A broker that waits for its disk answers late. */
const ANSWER_MS = 30_000;
const GITHUB = { name: 'github', preset: 'github', secrets: [{ value: 'hunter2hunter2' }] };

interface Bed {
  readonly connection: BrokerConnection;
  readonly secrets: TestSecrets;
  readonly folder: string;
  readonly lines: string[];
  /** Opens the settings as ingest does. `isAlone`: they follow nothing. `isDeaf`: no hint reaches them. */
  open(options?: { secretsKey?: string; isAlone?: boolean; isDeaf?: boolean; now?: () => number }): Promise<Opened>;
}

interface Opened {
  readonly settings: OpenSettings;
  metric(name: string): Promise<number>;
}

/** @param url of a broker that the test may kill. (Default: an account of the one that all tests share) */
async function openBed(t: TestContext, url?: string): Promise<Bed> {
  const connection = await connectBroker({ url: url ?? (await openTestAccount()), name: 'test' });
  t.after(() => connection.close());
  await applyStreams(connection, [BUCKET]);
  const secrets = createTestSecrets();
  const folder = mkdtempSync(join(tmpdir(), 'visapi-settings-'));
  const opened: OpenSettings[] = [];
  // What they still write goes first, or it would be there again.
  t.after(async () => {
    await Promise.all(opened.map((settings) => settings.stop()));
    rmSync(folder, { recursive: true, force: true });
  });
  const lines: string[] = [];
  const log = createLog({
    program: 'ingest',
    env: 'development',
    version: '0',
    level: 'trace',
    destination: { write: (line) => void lines.push(line) },
  });
  return {
    connection,
    secrets,
    folder,
    lines,
    async open({ secretsKey = secrets.env.VISAPI_SECRETS_KEY, isAlone = false, isDeaf = false, now } = {}) {
      const registry = createRegistry({ program: 'ingest', version: '0', env: 'development' });
      const settings = await openSettings({
        snapshotPath: join(folder, 'data', 'settings.sealed'),
        seal: createSeal(new Secret(secretsKey)),
        pepper: new Secret(secrets.env.API_KEY_PEPPER),
        env: 'dev',
        log,
        metrics: settingsMetrics(registry),
        ...(now === undefined ? {} : { now }),
      });
      const bucket = createKvBucket(connection, 'config');
      if (!isAlone) settings.follow(isDeaf ? { ...bucket, onHint: () => () => undefined } : bucket);
      opened.push(settings);
      return {
        settings,
        async metric(name) {
          return Number((await registry.getSingleMetric(name)?.get())?.values[0]?.value);
        },
      };
    },
  };
}

const becomes = (what: string, condition: () => boolean): Promise<unknown> =>
  poll(() => condition() || undefined, { deadlineMs: WITHIN_MS, what });
const isCurrent = ({ state }: OpenSettings): boolean => state.kind === 'current';

test('a change is known everywhere within 5 s: a source, a key, a revocation, a removal', async (t) => {
  const bed = await openBed(t);
  const many = await Promise.all([bed.open(), bed.open(), bed.open({ isDeaf: true })]);
  const everywhere = async (what: string, condition: (settings: OpenSettings) => boolean): Promise<void> => {
    const startedAt = performance.now();
    await becomes(what, () => many.every(({ settings }) => condition(settings)));
    t.diagnostic(`${what}: ${Math.round(performance.now() - startedAt)} ms`);
  };
  await everywhere('nothing is there, and that is known', (settings) => isCurrent(settings) && settings.sourceNames.length === 0);
  const text = await storeTestSettings(bed.secrets, bed.connection, [GITHUB]);
  await everywhere('a new source is known', (settings) => settings.findSource('github') !== undefined);
  await everywhere('a new key counts', ({ keys }) => keys.check(text, Date.now()).ok);
  const { sources, keys } = bed.secrets.stores(bed.connection);
  const parts = parseApiKey(text);
  await keys.revoke(typeof parts === 'string' ? '' : parts.id);
  await everywhere('a revoked key is refused', (settings) => !settings.keys.check(text, Date.now()).ok);
  await sources.remove('github');
  await everywhere(
    'a removed source is gone',
    (settings) => settings.findSource('github') === undefined && !settings.isUndecided('github'),
  );
});

test('without a broker it starts from what was known last, and what it missed is known within 5 s of its return', async (t) => {
  const broker = await openOwnBroker(t);
  const bed = await openBed(t, broker.url);
  const text = await storeTestSettings(bed.secrets, bed.connection, [GITHUB, { ...GITHUB, name: 'gone' }]);
  const first = await bed.open();
  await becomes('all is known', () => first.settings.sourceNames.length === 2 && isCurrent(first.settings));
  await first.settings.stop();
  await broker.kill();

  const second = await bed.open();
  assert.deepEqual(second.settings.sourceNames.toSorted(), ['github', 'gone']);
  assert.equal(second.settings.keys.check(text, Date.now()).ok, true);
  assert.equal(second.settings.state.kind, 'stale');
  assert.deepEqual([second.settings.isUndecided('github'), second.settings.isUndecided('nobody')], [false, false]);

  await broker.start();
  const other = await connectBroker({ url: broker.url, name: 'other' });
  t.after(() => other.close());
  const { sources } = bed.secrets.stores(other);
  await sources.remove('gone');
  await sources.add({ name: 'shop', preset: 'github' }, [{ value: new Secret('hunter2hunter2') }]);
  await becomes(
    'what was missed is known',
    () => second.settings.findSource('shop') !== undefined && second.settings.findSource('gone') === undefined,
  );
  await becomes('and all is current', () => isCurrent(second.settings));
});

test('where nothing was ever heard nobody is judged, and how long nothing is heard is measured', async (t) => {
  const bed = await openBed(t);
  let nowMs = Date.now();
  const { settings, metric } = await bed.open({ isAlone: true, now: () => nowMs });
  assert.equal(settings.state.kind, 'unknown');
  assert.deepEqual([settings.findSource('github'), settings.isUndecided('github')], [undefined, true]);
  nowMs += 90_000;
  assert.equal(await metric('visapi_settings_stale_seconds'), 90);
  settings.follow(createKvBucket(bed.connection, 'config'));
  await becomes('it is current', () => isCurrent(settings));
  assert.deepEqual([settings.isUndecided('github'), await metric('visapi_settings_stale_seconds')], [false, 0]);
});

test('a version that cannot be used changes nothing for anybody, also after a restart, and is told', async (t) => {
  const bed = await openBed(t);
  await storeTestSettings(bed.secrets, bed.connection, [GITHUB, { ...GITHUB, name: 'shop' }]);
  const bucket = createKvBucket(bed.connection, 'config');
  const first = await bed.open();
  await becomes('all is known', () => first.settings.sourceNames.length === 2);
  const good = first.settings.findSource('github');

  const entry = await bucket.get('sources.github');
  const other = await bucket.get('sources.shop');
  const wrongs: readonly (readonly [string, string])[] = [
    ['no JSON', '{"hunter2'],
    ['no source', '{}'],
    ['an unknown preset', (entry?.value ?? '').replace('"preset":"github"', '"preset":"hunter2"')],
    ['a secret of another place', (other?.value ?? '').replace('"name":"shop"', '"name":"github"')],
    ['the name of another place', other?.value ?? ''],
  ];
  let revision = entry?.revision ?? 0;
  for (const [what, value] of wrongs) {
    const told = bed.lines.length;
    revision = await bucket.put('sources.github', value, revision);
    await becomes(`${what} is told`, () => bed.lines.slice(told).some((line) => line.includes('cannot be used')));
    assert.equal(first.settings.findSource('github'), good, what);
    assert.deepEqual(first.settings.invalid, ['sources.github']);
    assert.equal(await first.metric('visapi_settings_invalid'), 1);
  }
  await bucket.put('sources.broken', '{}', 0);
  await becomes('the second is told', () => first.settings.invalid.length === 2);
  assert.deepEqual([first.settings.findSource('broken'), first.settings.isUndecided('broken')], [undefined, true]);
  await bed.secrets.stores(bed.connection).sources.add({ name: 'later', preset: 'github' }, [{ value: new Secret('hunter2hunter2') }]);
  await becomes('the others go on', () => first.settings.findSource('later') !== undefined);
  await first.settings.stop();

  const second = await bed.open({ isAlone: true });
  assert.deepEqual(second.settings.sourceNames.toSorted(), ['github', 'later', 'shop']);
  assert.equal(second.settings.isUndecided('broken'), true);
  second.settings.follow(bucket);
  await becomes('it is current', () => isCurrent(second.settings));
  assert.deepEqual(second.settings.sourceNames.toSorted(), ['github', 'later', 'shop']);

  await bucket.put('sources.github', entry?.value ?? '', revision);
  await bucket.delete('sources.broken', (await bucket.get('sources.broken'))?.revision ?? 0);
  await becomes('mended, nothing is wrong', () => second.settings.invalid.length === 0);
  assert.equal(second.settings.isUndecided('broken'), false);
  assert.doesNotMatch(bed.lines.join(''), /hunter2/);
});

test('the file is sealed and ours alone; one that was changed, or sealed by another key, is told and is as none', async (t) => {
  const bed = await openBed(t);
  await storeTestSettings(bed.secrets, bed.connection, [GITHUB]);
  const first = await bed.open();
  await becomes('all is known', () => first.settings.sourceNames.length === 1);
  await first.settings.stop();
  const file = join(bed.folder, 'data', 'settings.sealed');
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const text = readFileSync(file, 'utf8');
  assert.match(text, /^v1\.[0-9a-f]{8}\.[\w-]+\n$/);

  const stranger = await bed.open({ isAlone: true, secretsKey: createTestSecrets().env.VISAPI_SECRETS_KEY });
  assert.equal(stranger.settings.state.kind, 'unknown');
  writeFileSync(file, text.replace(/...\n$/, 'abc\n'));
  const changed = await bed.open({ isAlone: true });
  assert.equal(changed.settings.state.kind, 'unknown');
  assert.equal(bed.lines.filter((line) => line.includes('cannot be read')).length, 2);
  changed.settings.follow(createKvBucket(bed.connection, 'config'));
  await becomes('it is known again', () => changed.settings.sourceNames.length === 1);
  await changed.settings.stop();
  assert.equal((await bed.open({ isAlone: true })).settings.sourceNames.length, 1, 'and written anew');
});

test('a bucket that is gone, or was made anew, takes nothing away', async (t) => {
  const bed = await openBed(t);
  await storeTestSettings(bed.secrets, bed.connection, [GITHUB]);
  const first = await bed.open();
  const { settings } = first;
  await becomes('all is known', () => settings.sourceNames.length === 1 && isCurrent(settings));
  await requestApi(bed.connection, '$JS.API.STREAM.DELETE.KV_config', undefined, ANSWER_MS);
  await becomes('it is told', () => settings.state.kind === 'stale');
  await applyStreams(bed.connection, [BUCKET]);
  await becomes('an empty one is told, too', () => settings.state.kind === 'stale' && settings.state.because.includes('anew'));
  assert.deepEqual(settings.sourceNames, ['github']);
  await storeTestSettings(bed.secrets, bed.connection, [{ ...GITHUB, name: 'new' }]);
  await becomes('what is then put into it counts beside it', () => settings.sourceNames.join() === 'github,new');
  const isMissing = /made anew, and does not have sources\.github, api-keys\.\w+$/;
  await becomes('what is missing is named', () => settings.state.kind === 'stale' && isMissing.test(settings.state.because));
  await settings.stop();

  const second = await bed.open();
  await becomes('it is asked again', () => second.settings.state.kind === 'stale' && second.settings.state.because.includes('anew'));
  assert.deepEqual(second.settings.sourceNames, ['github', 'new'], 'also after a restart');
  const { sources } = bed.secrets.stores(bed.connection);
  await sources.add({ name: 'github', preset: 'github' }, [{ value: new Secret('hunter2hunter2') }]);
  const bucket = createKvBucket(bed.connection, 'config');
  for (const key of second.settings.state.kind === 'stale' ? (second.settings.state.because.match(/api-keys\.\w+/g) ?? []) : [])
    await bucket.put(key, '{}', 0);
  await becomes('with everything in it, it is all', () => isCurrent(second.settings));
  await sources.remove('github');
  await becomes('and what is taken from it is gone', () => second.settings.sourceNames.join() === 'new');
});

test('whatever happens to the broker meanwhile, the last state is known within 5 s of its return', async (t) => {
  const broker = await openOwnBroker(t);
  const bed = await openBed(t, broker.url);
  const { settings } = await bed.open();
  const { sources } = bed.secrets.stores(bed.connection);
  const wanted = new Set<string>();
  const random = seededRandom(testSeed);
  for (let round = 0; round < 4; round += 1) {
    for (let count = 0; count < 12; count += 1) {
      const name = `s${Math.floor(random() * 8)}`;
      if (wanted.delete(name)) await sources.remove(name);
      else if (wanted.add(name)) await sources.add({ name, preset: 'github' }, [{ value: new Secret('hunter2hunter2') }]);
    }
    if (round % 2 === 0) {
      await broker.kill();
      // A reading that is under way gives up after 5 s.
      await poll(() => settings.state.kind !== 'current' || undefined, { deadlineMs: 30_000, what: 'the loss is noticed' });
      await broker.start();
      await bed.connection.whenConnected(60_000);
    }
    await becomes(
      'the last state is known',
      () => [...wanted].toSorted().join() === settings.sourceNames.toSorted().join() && isCurrent(settings),
    );
  }
});

test('the bucket holds no secret, and says who did what and when, a removal too', async (t) => {
  const bed = await openBed(t);
  const text = await storeTestSettings(bed.secrets, bed.connection, [GITHUB]);
  const bucket = createKvBucket(bed.connection, 'config');
  const raw = (await bucket.list()).map(({ value }) => value).join('\n');
  assert.match(raw, /"name":"github"/);
  for (const secret of ['hunter2', text.slice(-34), text.slice(-34, -6)]) assert.ok(!raw.includes(secret));
  const { sources } = bed.secrets.stores(bed.connection);
  await sources.rotate('github', new Secret('hunter3hunter3'), new Date(Date.now() + 1_000));
  await sources.remove('github');
  await sources.add({ name: 'github', preset: 'github' }, [{ value: new Secret('hunter2hunter2') }]);
  assert.deepEqual(
    (await sources.history('github')).map(({ what, changedBy, secretIds }) => [what, changedBy, secretIds.length]),
    [
      ['added', 'test', 1],
      ['changed', 'test', 2],
      ['removed', 'test', 0],
      ['added', 'test', 1],
    ],
  );
});

test('an answer that lags behind takes nothing back, and a change that somebody has purged holds nothing up', async (t) => {
  const bed = await openBed(t);
  const bucket = createKvBucket(bed.connection, 'config');
  const { sources } = bed.secrets.stores(bed.connection);
  await storeTestSettings(bed.secrets, bed.connection, [GITHUB, { ...GITHUB, name: 'gone' }]);
  const { settings } = await bed.open({ isAlone: true });
  let lagging: Awaited<ReturnType<typeof bucket.read>> | undefined;
  settings.follow({ ...bucket, read: async () => lagging ?? (await bucket.read()) });
  await becomes('all is known', () => settings.sourceNames.length === 2 && isCurrent(settings));
  await sources.remove('gone');
  await becomes('the source is gone', () => settings.sourceNames.length === 1);
  lagging = await bucket.read();
  await sources.add({ name: 'new', preset: 'github' }, [{ value: new Secret('hunter2hunter2') }]);
  await becomes('the lag is noticed', () => bed.lines.some((line) => line.includes('expected the bucket up to its change')));
  lagging = undefined;
  await becomes('the new source is known', () => settings.findSource('new') !== undefined && isCurrent(settings));

  await requestApi(bed.connection, '$JS.API.STREAM.PURGE.KV_config', { filter: '$KV.config.sources.new' }, ANSWER_MS);
  await sources.remove('github');
  await requestApi(bed.connection, '$JS.API.STREAM.PURGE.KV_config', { filter: '$KV.config.sources.github' }, ANSWER_MS);
  await becomes('what is left is all', () => settings.sourceNames.length === 0 && isCurrent(settings));
});
