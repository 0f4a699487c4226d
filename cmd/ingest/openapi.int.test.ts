import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { openIngestBed } from './ingest-bed.ts';

interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly responses: Readonly<Record<string, unknown>> }>>>>;
}

test('the document is OpenAPI 3.1 and has every address, with every status', async (t) => {
  const bed = await openIngestBed(t);
  const answer = await fetch(`${bed.url}/openapi.json`);
  assert.equal(answer.status, 200);
  assert.match(answer.headers.get('content-type') ?? '', /^application\/json/);
  const document = (await answer.json()) as Document;
  const validation = await new Validator().validate(structuredClone(document) as unknown as Record<string, unknown>);
  assert.deepEqual(validation.errors, undefined);
  assert.equal(validation.valid, true);
  assert.match(document.openapi, /^3\.1\./);
  const operations = Object.entries(document.paths).flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method} ${path}`));
  assert.deepEqual(operations.toSorted(), [
    'get /',
    'get /openapi.json',
    'post /hooks/{source}',
    'post /v1/events',
    'post /v1/events/batch',
  ]);
  const statuses = (path: string) => Object.keys(document.paths[path]?.['post']?.responses ?? {});
  assert.deepEqual(statuses('/hooks/{source}'), ['200', '202', '400', '401', '404', '408', '413', '415', '429', '431', '500', '503']);
  assert.deepEqual(statuses('/v1/events'), ['202', '400', '401', '403', '408', '413', '415', '429', '431', '500', '503']);
  assert.deepEqual(statuses('/v1/events/batch'), ['202', '207', '400', '401', '403', '408', '413', '415', '429', '431', '500', '503']);
});

test('every other method of an address is answered 405 with the one that it has', async (t) => {
  const bed = await openIngestBed(t);
  for (const [path, allowed] of [
    ['/hooks/github', 'POST'],
    ['/v1/events', 'POST'],
    ['/v1/events/batch', 'POST'],
    ['/openapi.json', 'GET'],
    ['/', 'GET'],
    ['/docs/errors.md', 'GET'],
  ] as const)
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].filter((one) => one !== allowed)) {
      const { status, headers } = await fetch(bed.url + path, { method });
      assert.deepEqual([status, headers.get('allow')], [405, allowed], `${method} ${path}`);
    }
});

test('who opens the address in a browser is told where to read on, and a problem names a page that is there', async (t) => {
  const bed = await openIngestBed(t);
  const about: unknown = await (await fetch(bed.url)).json();
  assert.deepEqual(about, { name: 'VisAPI ingest', docs: '/docs', openapi: '/openapi.json', errors: '/docs/errors.md' });
  for (const path of ['/docs', '/openapi.json', '/docs/errors.md']) assert.equal((await fetch(bed.url + path)).status, 200, path);
  const problem = (await (await fetch(`${bed.url}/v1/events`)).json()) as { type: string; title: string };
  const page = await fetch(new URL(problem.type, bed.url));
  assert.equal(page.headers.get('content-type'), 'text/html; charset=utf-8');
  const [, section] = (await page.text()).split(`<h2 id="${new URL(problem.type, bed.url).hash.slice(1)}">`);
  assert.ok(section?.includes(problem.title));
  assert.doesNotMatch(section ?? '', /\]\(|`/);
  assert.match(await (await fetch(`${bed.url}/docs`)).text(), /<title>VisAPI ingest<\/title>/);
});

test('the page to read it comes from here, and may load nothing from elsewhere', async (t) => {
  const bed = await openIngestBed(t);
  const page = await fetch(`${bed.url}/docs`);
  assert.equal(page.status, 200);
  const policy = page.headers.get('content-security-policy') ?? '';
  assert.match(policy, /^default-src 'none'; script-src 'self';/);
  assert.doesNotMatch(policy, /https:|\*/);
  const html = await page.text();
  const addresses = [...html.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, address = '']) => address);
  assert.ok(addresses.length >= 5);
  for (const address of addresses) {
    assert.match(address, /^\/docs\//);
    const asset = await fetch(bed.url + address);
    assert.equal(asset.status, 200, address);
    assert.ok((await asset.arrayBuffer()).byteLength > 0, address);
  }
  // Everywhere else nothing may be loaded at all.
  const other = await fetch(`${bed.url}/openapi.json`);
  await other.text();
  assert.equal(other.headers.get('content-security-policy'), "default-src 'none';frame-ancestors 'none'");
});
