import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countPages, withoutDates } from './pdf.ts';

const PDF = (date: string) =>
  Buffer.from(
    `%PDF-1.4\n1 0 obj\n<</Creator (Chromium)\n/CreationDate (${date})\n/ModDate (${date})>>\nendobj\n` +
      '5 0 obj\n<</Type /Pages\n/Count 8\n/Kids [6 0 R]\n/Parent 9 0 R>>\nendobj\n9 0 obj\n<</Count 11\n/Type /Pages\n/Kids [5 0 R 8 0 R]>>\nendobj\n' +
      '6 0 obj\n<</Type /Page\n/Count 99>>\nendobj',
    'latin1',
  );

test('the time of its making is taken out in place, and only where it has its usual length', () => {
  const [first, second] = [withoutDates(PDF("D:20261122081812+00'00'")), withoutDates(PDF("D:20261123235959+02'00'"))];
  assert.deepEqual(first, second);
  assert.equal(first.length, PDF("D:20261122081812+00'00'").length);
  assert.match(first.toString('latin1'), /CreationDate \(D:20000101000000\+00'00'\)/);
  assert.deepEqual(withoutDates(PDF('D:2026')), PDF('D:2026'));
});

test('the root of the tree of pages counts them', () => {
  assert.equal(countPages(PDF('D:2026')), 11);
  assert.equal(countPages(Buffer.from('%PDF-1.4 and nothing else')), 0);
});
