import type { Readiness } from '../../lib/http/ops-server.ts';
import { requestApi } from '../../lib/jetstream/api-request.ts';
import type { BrokerLink } from '../../lib/jetstream/broker-link.ts';
import type { Journal } from '../../lib/journal/journal.ts';
import type { Relay } from '../../lib/journal/relay.ts';
import type { Settings } from '../../lib/settings/settings.ts';
import { STREAMS } from '../../streams/subjects.ts';
import type { JournalAcceptor } from './journal-acceptor.ts';

type Check = Readiness['checks'][string];

/** The parts that hold events on this side of the broker. */
export interface JournalParts {
  readonly journal: Journal;
  readonly relay: Relay;
  readonly acceptor: JournalAcceptor;
}

/** Shorter than a probe's patience. */
const CHECK_TIMEOUT_MS = 1_000;
/** From here on somebody should look why it fills; at the end of it the answer is 503. */
const FILLING = 0.5;
/** A relay that works is a few milliseconds behind. */
const LAG_MS = 1_000;

export interface ReadinessParts {
  readonly link: BrokerLink;
  /** Undefined where there is no journal. */
  readonly parts: JournalParts | undefined;
  readonly settings: Check;
  readonly isDoorOpen: boolean;
}

/**
 * Ready: an event that came now would be stored. With a journal that needs no broker: what is wrong behind it is told, and
 * closes no door.
 */
export async function checkReadiness({ link, parts, settings, isDoorOpen }: ReadinessParts): Promise<Readiness> {
  const door = isDoorOpen ? { ok: true } : { ok: false, detail: 'not open yet, or closed already' };
  const broker = checkBroker(link);
  if (parts === undefined) {
    const events = await checkEvents(link);
    return { ready: door.ok && broker.ok && events.ok && settings.ok, checks: { door, broker, events, settings } };
  }
  const journal = await checkJournal(parts);
  return { ready: door.ok && journal.ok && settings.ok, checks: { door, journal, relay: checkRelay(parts.relay), broker, settings } };
}

/** What is known still works: that it is old, or that something of it cannot be used, is told, and closes no door. */
export function checkSettings({ state, invalid }: Pick<Settings, 'state' | 'invalid'>): Check {
  if (state.kind === 'unknown') return { ok: false, detail: `nothing is known of sources and keys: ${state.because}` };
  const details = [
    ...(state.kind === 'stale' ? [`the last that was heard counts: ${state.because}`] : []),
    ...(invalid.length === 0 ? [] : [`cannot be used: ${invalid.join(', ')}`]),
  ];
  return details.length === 0 ? { ok: true } : { ok: true, detail: details.join('; ') };
}

function checkBroker({ state }: BrokerLink): Check {
  return state.kind === 'safe' ? { ok: true } : { ok: false, detail: `${state.kind}: ${state.because}` };
}

async function checkEvents({ connection }: BrokerLink): Promise<Check> {
  try {
    if (connection === undefined) throw new Error('not connected');
    await requestApi(connection, `$JS.API.STREAM.INFO.${STREAMS.events}`, undefined, CHECK_TIMEOUT_MS);
    return { ok: true };
  } catch {
    return { ok: false, detail: `the stream ${STREAMS.events} does not answer` };
  }
}

async function checkJournal({ journal, acceptor }: JournalParts): Promise<Check> {
  const failing = await acceptor.failing();
  if (failing !== undefined) return { ok: false, detail: failing };
  const { bytes, maxBytes, depth } = journal.status();
  const used = bytes / maxBytes;
  const detail = `${depth} events wait, ${Math.floor(used * 100)} % of INGEST_JOURNAL_MAX_BYTES`;
  if (used >= 1) return { ok: false, detail: `full: ${detail}` };
  return used < FILLING ? { ok: true } : { ok: true, detail: `filling: ${detail}` };
}

function checkRelay(relay: Relay): Check {
  const { waitsBecause, lagMs, refused } = relay.status();
  const details = [
    ...(waitsBecause === undefined ? [] : [`waits: ${waitsBecause}`]),
    ...(lagMs < LAG_MS ? [] : [`${Math.round(lagMs / 1_000)} s behind`]),
    ...(refused.length === 0 ? [] : [`the log refuses ${refused.length} events for good`]),
  ];
  return details.length === 0 ? { ok: true } : { ok: waitsBecause === undefined, detail: details.join('; ') };
}
