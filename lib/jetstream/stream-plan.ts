import { AppError } from '../core/app-error.ts';
import { API_CODES, ApiRefusal, requestApi, requestApiUntil } from './api-request.ts';
import type { BrokerConnection } from './connection.ts';
import type { StreamConfig } from './stream-config.ts';
import { compareStream, type CurrentStream, type StreamStep } from './stream-diff.ts';

/** The broker may still be recovering its streams when it is first asked. */
const WITHIN_MS = 10_000;

interface StreamInfo {
  readonly config: Record<string, unknown>;
  readonly state: { readonly messages: number; readonly bytes: number; readonly first_ts: string };
}

/** What would have to be done so that the broker has these streams; changes nothing. */
export async function planStreams(connection: BrokerConnection, desired: readonly StreamConfig[]): Promise<StreamStep[]> {
  return Promise.all(desired.map(async (config) => compareStream(config, await readStream(connection, config.name))));
}

/**
 * Makes the broker have these streams. May be called again and by several programs at once. Where one step is refused,
 * none is done.
 * @returns the steps
 * @throws AppError `stream_change_refused` with all reasons; `broker_refused`
 */
export async function applyStreams(connection: BrokerConnection, desired: readonly StreamConfig[]): Promise<StreamStep[]> {
  const steps = await planStreams(connection, desired);
  const refusals = steps.flatMap((step) => (step.kind === 'refused' ? describeRefusals(step) : []));
  if (refusals.length > 0) throw new AppError('stream_change_refused', `nothing was changed: ${refusals.join('; ')}`);
  for (const step of steps) {
    if (step.kind === 'create') await change(connection, 'CREATE', step.name, step.config);
    else if (step.kind === 'update') await change(connection, 'UPDATE', step.name, step.config);
  }
  return steps;
}

/**
 * Refuses streams whose limits together exceed what the broker may store: the log would stop at a full disk instead of at
 * its own limit. `storageBytes` comes from `checkBroker`.
 * @throws AppError `invalid_config`
 */
export function checkStreamsFit(desired: readonly StreamConfig[], storageBytes: number): void {
  const sum = desired.reduce((bytes, { max_bytes }) => bytes + max_bytes, 0);
  if (sum <= storageBytes) return;
  const parts = desired.map(({ name, max_bytes }) => `${name} ${max_bytes}`).join(', ');
  throw new AppError(
    'invalid_config',
    `streams: expected at most ${storageBytes} bytes, which is what the broker may store, got ${sum} (${parts})`,
  );
}

async function readStream(connection: BrokerConnection, name: string): Promise<CurrentStream | undefined> {
  try {
    const { config, state } = await requestApiUntil<StreamInfo>(connection, `$JS.API.STREAM.INFO.${name}`, undefined, WITHIN_MS);
    const oldestAge = state.messages === 0 ? 0 : Math.max(0, Date.now() - Date.parse(state.first_ts)) * 1e6;
    return { config, use: { messages: state.messages, bytes: state.bytes, oldestAge } };
  } catch (error) {
    if (error instanceof ApiRefusal && error.apiCode === API_CODES.streamNotFound) return undefined;
    throw error;
  }
}

async function change(connection: BrokerConnection, verb: 'CREATE' | 'UPDATE', name: string, config: object): Promise<void> {
  try {
    await requestApi(connection, `$JS.API.STREAM.${verb}.${name}`, config, WITHIN_MS);
  } catch (error) {
    if (error instanceof ApiRefusal && error.apiCode === API_CODES.notEnoughStorage)
      throw new AppError('broker_refused', `stream ${name}: its max_bytes is more than the broker has left to store`, { cause: error });
    throw error;
  }
}

function describeRefusals(step: Extract<StreamStep, { kind: 'refused' }>): string[] {
  return step.changes.flatMap(({ field, from, to, refusal }) =>
    refusal === undefined ? [] : [`${step.name} ${field} from ${JSON.stringify(from)} to ${JSON.stringify(to)}: ${refusal}`],
  );
}
