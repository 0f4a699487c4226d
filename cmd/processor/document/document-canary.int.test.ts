// A hostile page: whatever it does, it reaches nobody, sees nothing, ends in time and leaves nothing. Scripts are on here, so that
// the box has to hold and not only the page's own settings.
import assert from 'node:assert/strict';
import { readlinkSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { ProcessFacts } from '../../../lib/browser/process-tree.ts';
import { poll } from '../../../lib/dev/poll.ts';
import { scaled } from '../../../lib/dev/test-scale.ts';
import { RenderFailed, type RenderFailure } from './browser-slot.ts';
import { confinementOf, leftovers, openTestRenderer, processWith, temporaryFiles } from './test-renderer.ts';

/** Of a page that never ends: a busy machine takes seconds until it is behind its filter. */
const DEADLINE_MS = scaled({ day: 5_000, night: 2_500 });
/** What an end may take on a busy machine after the deadline: a kill, and the kernel's work. */
const END_MS = scaled({ day: 20_000, night: 1_500 });
/** On a machine where nothing else runs; `npm test` has three files at once. */
const NEXT_MS = scaled({ day: 60_000, night: 3_000 });

const HANGS = '<script>for(;;);</script>';
/** Its load never ends, and costs nothing. */
const WAITS = '<iframe id="f"></iframe><script>f.contentDocument.open()</script>';
/** What ends at once has as long as any document. */
const LONG_MS = scaled({ day: 60_000, night: 15_000 });
const renderer = openTestRenderer({ maxMemoryBytes: 300_000_000 });

/** Every way out of a page that is known to us, towards one address. */
function hostilePage(at: string): string {
  const host = at.replace('http:', '');
  return `<!doctype html><html><head>
    <link rel="stylesheet" href="${at}/css"><link rel="icon" href="${at}/icon"><link rel="prefetch" href="${at}/prefetch">
    <link rel="preconnect" href="${at}"><link rel="dns-prefetch" href="${host}"><link rel="preload" as="image" href="${at}/preload">
    <link rel="modulepreload" href="${at}/module"><link rel="manifest" href="${at}/manifest">
    <style>@import "${at}/import"; @font-face { font-family: x; src: url(${at}/font) } body { font-family: x; background: url(${at}/bg) }</style>
    <script src="${at}/script"></script></head>
    <body>text<img src="${at}/img" srcset="${at}/set 2x"><iframe src="${at}/frame"></iframe><iframe src="file:///etc/passwd"></iframe>
    <object data="${at}/object"></object><embed src="${at}/embed"><video src="${at}/video" poster="${at}/poster"></video><audio src="${at}/audio"></audio>
    <svg><image href="${at}/svg"/><use href="${at}/use#x"/><foreignObject><img src="${at}/foreign"></foreignObject></svg>
    <form id="f" action="${at}/form" method="post" target="_blank"></form>
    <script>
      const quietly = (f) => { try { Promise.resolve(f()).catch(() => {}) } catch {} };
      quietly(() => fetch('${at}/fetch', { mode: 'no-cors' }));
      quietly(() => navigator.sendBeacon('${at}/beacon', 'x'));
      quietly(() => new EventSource('${at}/events'));
      quietly(() => new WebSocket('ws:${host}/socket'));
      quietly(() => new WebTransport('https:${host}/transport'));
      quietly(() => new Worker(URL.createObjectURL(new Blob(["fetch('${at}/worker')"]))));
      quietly(() => { const r = new XMLHttpRequest(); r.open('GET', '${at}/xhr', false); r.send(); });
      quietly(() => window.open('${at}/open'));
      quietly(() => document.getElementById('f').submit());
      quietly(() => new RTCPeerConnection({ iceServers: [{ urls: 'stun:${host.slice(2)}' }] }).createDataChannel('x'));
    </script></body></html>`;
}

test('a hostile page reaches nobody, and is printed all the same', async (t) => {
  let connections = 0;
  const listener = createServer((_request, response) => response.end('x')).on('connection', () => connections++);
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  t.after(() => listener.close());
  const { port } = listener.address() as AddressInfo;
  const { pages, refused } = await renderer.render({ html: hostilePage(`http://127.0.0.1:${port}`), javaScript: true });
  assert.ok(pages >= 1);
  assert.ok(refused.length > 0, 'who asks for the network is named');
  assert.equal(connections, 0);
  await (await fetch(`http://127.0.0.1:${port}`)).text();
  assert.equal(connections, 1, 'the listener counts');
});

test('a page that hangs is confined, ends at its deadline and leaves nothing; the next one comes at once', async () => {
  const files = temporaryFiles();
  await poll(() => (processWith(renderer, '--type=renderer') === undefined ? true : undefined), {
    deadlineMs: END_MS,
    what: 'the end of the last page',
  });
  const begun = performance.now();
  const hanging = assert.rejects(renderer.render({ html: HANGS, javaScript: true, deadlineMs: DEADLINE_MS }), {
    name: 'RenderFailed',
    reason: 'deadline',
  });
  // It goes behind its filter of system calls before it reads the page.
  const page = await poll(
    () => {
      const found = processWith(renderer, '--type=renderer');
      return found !== undefined && confinementOf(found)?.seccomp === '2' ? found : undefined;
    },
    { deadlineMs: DEADLINE_MS, what: 'the renderer, behind a filter of system calls' },
  );
  const tree = renderer.processes();
  const ours = ['net', 'pid', 'mnt'].map((name) => readlinkSync(`/proc/self/ns/${name}`));
  for (const facts of tree) {
    const confinement = confinementOf(facts);
    // A browser has helpers that live for a moment.
    if (confinement === undefined) continue;
    const { command, userIds, namespaces, noNewPrivileges, interfaces, addresses } = confinement;
    assert.ok(!userIds.includes(0), `${command[0]} is not root`);
    assert.doesNotMatch(command.join(' '), /--no-sandbox/);
    assert.equal(noNewPrivileges, '1');
    for (const [at, namespace] of namespaces.entries()) assert.notEqual(namespace, ours[at]);
    assert.deepEqual([interfaces.filter((name) => name !== 'lo'), addresses], [[], ''], 'no interface but a loopback that is down');
  }
  const [browser, own] = [confinementOf(tree[0] ?? page), confinementOf(page)];
  assert.equal(browser?.capabilities, 0);
  assert.ok(own !== undefined, 'the page hangs until its deadline');
  assert.notEqual(own.namespaces[0], browser.namespaces[0], "the page's namespaces are not even the browser's");
  await hanging;
  assert.ok(performance.now() - begun < DEADLINE_MS + END_MS, `${performance.now() - begun} ms`);
  assert.deepEqual(leftovers(tree, files), []);
  await assertNext();
});

test('a page that takes all memory is ended before it has it', async () => {
  const html = '<script>const all = []; for (;;) all.push(new Uint8Array(20_000_000).fill(1));</script>';
  await assertEnds({ html, deadlineMs: LONG_MS, reasons: ['memory', 'crashed'], act: () => undefined });
});

test('a page whose process is killed ends at once; so does a killed browser, and one that stands still at its deadline', async () => {
  const page: Ending = {
    html: WAITS,
    deadlineMs: LONG_MS,
    reasons: ['crashed'],
    act: (tree) => signal(tree, '--type=renderer', 'SIGKILL'),
  };
  const killed: Ending = { ...page, act: (tree) => signal(tree, '--user-data-dir', 'SIGKILL') };
  const stopped: Ending = {
    ...page,
    deadlineMs: DEADLINE_MS,
    reasons: ['deadline'],
    act: (tree) => signal(tree, '--user-data-dir', 'SIGSTOP'),
  };
  // Each costs another browser.
  for (const ending of scaled({ day: [page], night: [page, killed, stopped] })) await assertEnds(ending);
});

interface Ending {
  readonly html: string;
  readonly deadlineMs: number;
  /** What happens to the browser while it renders. */
  readonly act: (tree: readonly ProcessFacts[]) => void;
  readonly reasons: readonly RenderFailure[];
}

/** The render ends in time and whole, and the next document comes. */
async function assertEnds({ html, deadlineMs, act, reasons }: Ending): Promise<void> {
  // A browser's start is not counted, and one that runs scripts is not the one of the document before.
  await renderer.render({ html: 'x', javaScript: true });
  const files = temporaryFiles();
  const before = renderer.processes();
  const begun = performance.now();
  const rendering = renderer.render({ html, javaScript: true, deadlineMs }).then(
    () => assert.fail('it was rendered'),
    (error: unknown) => error,
  );
  await poll(() => processWith(renderer, '--type=renderer', before), { deadlineMs: LONG_MS, what: 'the renderer' });
  const tree = renderer.processes();
  act(tree);
  const error = await rendering;
  assert.ok(error instanceof RenderFailed && reasons.includes(error.reason), String(error));
  assert.ok(performance.now() - begun < deadlineMs + END_MS, `${performance.now() - begun} ms`);
  assert.deepEqual(leftovers(tree, files), []);
  await assertNext();
}

/** Sends it to all processes that were started with this argument. */
function signal(tree: readonly ProcessFacts[], argument: string, name: NodeJS.Signals): void {
  const found = tree.filter(({ command }) => command.some((word) => word.includes(argument)));
  assert.ok(found.length > 0, argument);
  for (const { pid } of found) process.kill(pid, name);
}

async function assertNext(): Promise<void> {
  const begun = performance.now();
  assert.equal((await renderer.render({ html: '<p>next</p>' })).pages, 1);
  assert.ok(performance.now() - begun < NEXT_MS, `the next document took ${performance.now() - begun} ms`);
}
