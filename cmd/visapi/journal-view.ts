import type { JournalGlance } from '../../lib/journal/journal-glance.ts';
import { localTime } from './moment.ts';

/** A journal's state for people. */
export function journalText({ path, owner, damage, status }: JournalGlance, now: Date): string {
  const facts: [string, string][] = [
    ['path', path],
    ['owner', owner === undefined ? 'none: no ingest runs on it' : `process ${owner.pid} on ${owner.host}`],
  ];
  if (damage !== undefined) facts.push(['damaged', damage]);
  if (status !== undefined) {
    const { id, depth, bytes, oldestAcceptedAt, lastNumber, ids, confirmedLogSeq, damaged, fileBytes } = status;
    facts.push(
      ['id', id],
      ['waiting', depth === 0 ? 'nothing' : `${depth} events, ${bytes} bytes`],
      ...(oldestAcceptedAt === undefined ? [] : [['oldest', oldestText(oldestAcceptedAt, now)] satisfies [string, string]]),
      ['last number', `${lastNumber}`],
      ['confirmed', confirmedLogSeq === 0 ? 'nothing yet' : `up to sequence ${confirmedLogSeq} of the log`],
      ['identities', `${ids}`],
      ['damaged', damaged === 0 ? 'none' : `${damaged} records kept aside`],
      ['file', `${fileBytes} bytes`],
    );
  }
  return facts.map(([name, value]) => `${name.padEnd(12)} ${value}`).join('\n');
}

function oldestText(acceptedAt: number, now: Date): string {
  return `${localTime(new Date(acceptedAt))}, ${Math.max(0, Math.round((now.getTime() - acceptedAt) / 1_000))} s ago`;
}
