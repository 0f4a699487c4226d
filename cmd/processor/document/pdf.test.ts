import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countPages, withoutChance } from './pdf.ts';

const PDF = (date: string) =>
  Buffer.from(
    `%PDF-1.4\n1 0 obj\n<</Creator (Chromium)\n/CreationDate (${date})\n/ModDate (${date})>>\nendobj\n` +
      '5 0 obj\n<</Type /Pages\n/Count 8\n/Kids [6 0 R]\n/Parent 9 0 R>>\nendobj\n9 0 obj\n<</Count 11\n/Type /Pages\n/Kids [5 0 R 8 0 R]>>\nendobj\n' +
      '6 0 obj\n<</Type /Page\n/Count 99>>\nendobj',
    'latin1',
  );

test('the time of its making is taken out in place, and only where it has its usual length', () => {
  const [first, second] = [withoutChance(PDF("D:20261122081812+00'00'")), withoutChance(PDF("D:20261123235959+02'00'"))];
  assert.deepEqual(first, second);
  assert.equal(first.length, PDF("D:20261122081812+00'00'").length);
  assert.match(first.toString('latin1'), /CreationDate \(D:20000101000000\+00'00'\)/);
  assert.deepEqual(withoutChance(PDF('D:2026')), PDF('D:2026'));
});

test('the parts of a tagged PDF are numbered from 1, whatever its process has printed before; a text that looks the same stays', () => {
  const tagged = (...[table, head, cell]: number[]): Buffer => {
    const [a, b, c] = [table, head, cell].map((number) => `(node${String(number).padStart(8, '0')})`);
    return Buffer.from(`<</ID ${b}>> <</Headers [${b} ${a}]>> <</Limits [${a} ${c}]>> (\\(node00000099)`);
  };
  assert.equal(withoutChance(tagged(9, 20, 103)).toString(), tagged(1, 2, 3).toString());
});

test('the root of the tree of pages counts them', () => {
  assert.equal(countPages(PDF('D:2026')), 11);
  assert.equal(countPages(Buffer.from('%PDF-1.4 and nothing else')), 0);
});
