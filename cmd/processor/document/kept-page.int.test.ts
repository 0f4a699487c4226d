// A process that prints one document after the other: what one document was, the next one does not see.
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { poll } from '../../../lib/dev/poll.ts';
import { readPdfText } from '../../../lib/dev/pdf-text.ts';
import { isNight, scaled } from '../../../lib/dev/test-scale.ts';
import { RenderFailed } from './browser-slot.ts';
import { openTestRenderer, processWith, testBrowser } from './test-renderer.ts';

const PAGE_RENDERS = 4;
const DOCUMENTS = scaled({ day: 12, night: 2_000 });
/** Judged by night alone: of what the browser's processes and ours have after a fifth of the documents, bytes. Ours collects its garbage when it likes. */
const MAX_GROWTH = { browser: 1.25, own: 1.5 };

const ended: string[] = [];
const renderer = openTestRenderer({ pageRenders: PAGE_RENDERS, recycleAfter: 1_000_000, onEnd: (reason) => void ended.push(reason) });
const pageProcess = (): number | undefined => processWith(renderer, '--type=renderer')?.pid;

const AWAY = 'http://127.0.0.1:9/';
/** One dot. */
const DOT = 'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==';
const table = (name: string): string => `<h1>${name}</h1><table><tr><th id="a">a</th></tr><tr><td headers="a">b</td></tr></table>`;
const textOf = async (html: string): Promise<string> => (await readPdfText((await renderer.render({ html })).content)).text;

test('one process prints several documents and then gives way to another; the same page is the same bytes in each', async (t) => {
  const processes = new Set<number | undefined>();
  const first = await renderer.render({ html: table('one') });
  let early = memory();
  for (let number = 1; number < DOCUMENTS; number++) {
    // One with many parts in between, so that the next one's begin elsewhere.
    if (number % 3 === 1) await renderer.render({ html: table('other').repeat(number % 50) });
    processes.add(pageProcess());
    const { content } = await renderer.render({ html: table('one') });
    assert.ok(first.content.equals(content), `document ${number}`);
    if (number === Math.floor(DOCUMENTS / 5)) early = memory();
  }
  assert.ok(processes.size > 1, `${processes.size} processes for ${DOCUMENTS} documents`);
  assert.deepEqual(ended, []);
  const late = memory();
  t.diagnostic(`bytes of the browser ${early.browser}, then ${late.browser}; our own ${early.own}, then ${late.own}`);
  for (const who of ['browser', 'own'] as const) assert.ok(!isNight || late[who] < early[who] * MAX_GROWTH[who], who);
});

test('nothing of a document is left for the next one of its process', async () => {
  const pid = await nextProcess();
  // Rules, policies, names and addresses that hold for a whole document.
  const marked = `<meta http-equiv="Content-Security-Policy" content="style-src 'none'; img-src 'none'"><base href="data:text/plain,x">
    <title>marked</title><style>p { display: none }</style><p id="mark">marked</p>`;
  await renderer.render({ html: `<!doctype html>${marked}` });
  const plain = `<style>@page { size: 100mm 50mm } p { color: red }</style><p>plain</p><img src="${DOT}">`;
  const after = await renderer.render({ html: plain });
  assert.equal(await onlyProcess(), pid, 'by the same process');
  await nextProcess();
  assert.ok(after.content.equals((await renderer.render({ html: plain })).content), 'as the first one of a process');
});

test('scripts are off, also in frames of a process of their own', async () => {
  const script =
    '<p id="t">before</p><script>document.body.append(" it ran ")</script><img src="x:" onerror="document.body.append(\' it ran \')">';
  const frames = ['', ' sandbox="allow-scripts"'].map((how) => `<iframe${how} srcdoc="${script.replaceAll('"', '&quot;')}"></iframe>`);
  const text = await textOf(`${script}${frames.join('')}<iframe src="data:text/html,${encodeURIComponent(script)}"></iframe>`);
  assert.equal(text.match(/before/g)?.length, 4, text);
  assert.doesNotMatch(text, /it ran/);
});

test('what asks for the network is named with its own document, and its process has no other', async () => {
  const pid = await nextProcess();
  const { refused } = await renderer.render({ html: `<img src="${AWAY}a.png?b"><iframe src="${AWAY}frame"></iframe>` });
  assert.deepEqual([...refused].toSorted(), [`${AWAY}a.png`, `${AWAY}frame`]);
  assert.deepEqual((await renderer.render({ html: `<img src="${DOT}">` })).refused, []);
  assert.notEqual(await onlyProcess(), pid);
});

test('a font of the page is waited for', async () => {
  const { folder } = await testBrowser();
  const [file] = [join(folder ?? '/', 'usr/share/fonts'), '/usr/share/fonts'].flatMap((at) => globSync(join(at, '**/DejaVuSansMono.ttf')));
  assert.ok(file !== undefined, 'npm run browser brings DejaVu along');
  const src = `data:font/ttf;base64,${readFileSync(file).toString('base64')}`;
  const { content } = await renderer.render({
    html: `<style>@font-face { font-family: own; src: url(${src}) } p { font-family: own, serif }</style><p>text</p>`,
  });
  assert.match(content.toString('latin1'), /DejaVuSansMono/);
});

test('a picture that may come late is in its document', async () => {
  const size = async (html: string): Promise<number> => (await renderer.render({ html })).content.length;
  const far = '<div style="height: 3000px"></div>';
  const lazy = await size(`${far}<img loading="lazy" width="50" height="50" src="${DOT}">`);
  assert.equal(lazy, await size(`${far}<img width="50" height="50" src="${DOT}">`));
  assert.ok(lazy > (await size(`${far}<span style="display: inline-block; width: 50px; height: 50px"></span>`)));
});

test('a document that is printed is held by nobody while its browser goes on', async () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const printed = new WeakRef((await renderer.render({ html: 'x' })).content);
  await renderer.render({ html: 'y' });
  const isGone = (): true | undefined => {
    collectGarbage();
    return printed.deref() === undefined ? true : undefined;
  };
  await poll(isGone, { deadlineMs: 30_000, what: 'its end' });
});

test('a process that dies between two documents costs the next one a try at most', async () => {
  process.kill(await nextProcess(), 'SIGKILL');
  await poll(() => (pageProcess() === undefined ? true : undefined), { deadlineMs: 30_000, what: 'its end' });
  // Where the browser has not noticed it yet, it does so while it has the next document.
  const { pages } = await renderer.render({ html: 'next' }).catch((error: unknown) => {
    assert.ok(error instanceof RenderFailed && error.reason === 'crashed', String(error));
    return renderer.render({ html: 'next' });
  });
  assert.equal(pages, 1);
});

function memory(): { browser: number; own: number } {
  return { browser: renderer.processes().reduce((sum, { memoryBytes }) => sum + memoryBytes, 0), own: process.memoryUsage.rss() };
}

/** Leaves what has printed so far, and prints once: the next documents are those of this process. */
async function nextProcess(): Promise<number> {
  await renderer.render({ html: `<img src="${AWAY}">` });
  await renderer.render({ html: 'x' });
  return await onlyProcess();
}

/** That of the last document, where it may print more: the one before ends beside it. */
async function onlyProcess(): Promise<number> {
  const only = (): number | undefined => {
    const pids = renderer.processes().filter(({ command }) => command.some((word) => word.includes('--type=renderer')));
    return pids.length === 1 ? pids[0]?.pid : undefined;
  };
  return await poll(only, { deadlineMs: 30_000, what: 'the end of the process before' });
}
