import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { projectRoot } from '../../../lib/dev/local-home.ts';
import { pdfName } from './command.ts';
import { createHtmlTemplates } from './document-html.ts';

const RECEIPTS = createHtmlTemplates(join(projectRoot, 'examples/documents'));
const ORDER = {
  number: 'A-17',
  customer: 'Ada',
  paidAt: '2026-11-20T10:00:00Z',
  timeZone: 'Asia/Jerusalem',
  currency: 'EUR',
  total: '12.5',
};

function templates(t: TestContext, files: Readonly<Record<string, string>>) {
  const folder = mkdtempSync(join(tmpdir(), 'visapi-templates-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return createHtmlTemplates(folder);
}

test('a page is not refused because its process stood still meanwhile', (t) => {
  const { render } = templates(t, { 'page.liquid': '{{ first }}{{ second }}' });
  let reads = 0;
  const data = {
    get first() {
      // Longer than a page may take, and no processor time.
      if (reads++ === 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_200);
      return 'a';
    },
    second: 'b',
  };
  assert.equal(render({ template: 'page', data }), 'ab');
});

test('whatever an event brings is text, and never a part of the page', () => {
  const hostile = [
    '<script>alert(1)</script>',
    '{{ "x" | upcase }}{% include "/etc/passwd" %}',
    '"><iframe src=file:///etc/passwd>',
    "' onload='x",
    '<style>@import url(http://127.0.0.1)</style>',
    '<svg><foreignObject><img src=x></foreignObject></svg>',
    '<meta http-equiv="refresh" content="0;url=http://127.0.0.1">',
    '&lt;b&gt; & </title>',
  ];
  for (const customer of hostile) {
    const html = RECEIPTS.render({ template: 'receipt', data: { ...ORDER, customer } });
    const escaped = customer
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('"', '&quot;')
      .replaceAll("'", '&#39;');
    assert.ok(html.includes(`<bdi>${escaped}</bdi>`), customer);
    assert.equal(html.split('<script').length + html.split('<iframe').length + html.split('<svg').length, 3);
  }
});

test('a document is written in its locale: words, amounts, moments and the direction of its text', () => {
  const at = (locale: string) => RECEIPTS.render({ template: 'receipt', locale, data: ORDER }).replaceAll(/[\u00a0\u202f]/g, ' ');
  assert.match(at('en'), /<html lang="en" dir="ltr">[^]*Receipt[^]*November 20, 2026 at 12:00[^]*€12\.50/);
  assert.match(at('he'), /<html lang="he" dir="rtl">[^]*קבלה[^]*12:00/);
  assert.match(at('ar-EG'), /<html lang="ar-EG" dir="rtl">[^]*إيصال/);
  assert.match(at('pl'), /Paragon[^]*20 listopada 2026[^]*12,50 €/);
  assert.match(at('xx'), /<html lang="xx" dir="ltr">[^]*Receipt/, 'English where there are no words');
});

test('a template that cannot be used is told with its reason, and no other file is ever read', (t) => {
  const own = templates(t, {
    'missing.liquid': '{{ nothing }}',
    'raw.liquid': '{{ html | raw }}',
    'list.liquid': '{% assign lines = items | from_json %}{% for line in lines %}{{ line.name }};{% endfor %}',
    'loop.liquid': '{% for a in (1..9999999) %}{% for b in (1..9999999) %}x{% endfor %}{% endfor %}',
    'part.liquid': '{% render name %}',
    'word.liquid': "{{ 'unknown' | t }}",
    'money.liquid': '{{ total | money: currency }}',
  });
  const render = (template: string, data: Record<string, unknown> = {}, locale = 'en') => own.render({ template, data, locale });
  const refused = (message: RegExp) => ({ name: 'UnusableTemplate', message });
  assert.throws(() => render('missing'), refused(/undefined variable: nothing/));
  assert.throws(() => render('raw', { html: '<b>' }), refused(/undefined filter: raw/));
  assert.equal(render('list', { items: '[{"name":"<a>"},{"name":"b"}]' }), '&lt;a&gt;;b;');
  assert.throws(() => render('list', { items: 'no' }), refused(/from_json: expected JSON/));
  assert.throws(() => render('loop'), refused(/limit/));
  for (const name of ['../../../etc/passwd', '/etc/passwd', '..%2f..', 'nothing'])
    assert.throws(() => render('part', { name }), refused(/ENOENT/));
  for (const name of ['../receipt', '/etc/passwd', 'RECEIPT', '', 'a'.repeat(65)])
    assert.throws(() => render(name), refused(/expected|there is no/));
  assert.throws(() => render('word'), refused(/t: expected "unknown" in .*words/));
  assert.throws(() => render('money', { total: '12', currency: 'euro' }), refused(/money: expected a currency/));
  assert.throws(() => render('money', { total: 'a lot', currency: 'EUR' }), refused(/money: expected a number/));
  assert.throws(() => render('money', { total: '1', currency: 'EUR' }, 'not a locale'), refused(/locale: expected a language tag/));
});

test('a file has a name that every system can save', () => {
  assert.equal(pdfName('receipt-A-17.pdf'), 'receipt-A-17.pdf');
  assert.equal(pdfName('קבלה Żółć.PDF'), 'קבלה Żółć.pdf');
  assert.equal(pdfName('../../etc/passwd\r\nx: y'), 'etc-passwd--x- y.pdf');
  assert.equal(pdfName('...'), 'document.pdf');
  assert.equal(pdfName('x'.repeat(200)).length, 154);
});
