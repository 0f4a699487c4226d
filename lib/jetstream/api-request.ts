import { AppError } from '../core/app-error.ts';
import type { BrokerConnection } from './connection.ts';

/** An answer of the JetStream API that says no. The numbers are stable names (server/errors.json); texts are not. */
export class ApiRefusal extends AppError {
  readonly apiCode: number;
  constructor(subject: string, error: { code: number; err_code?: number; description?: string }) {
    super(
      isTransient(error) ? 'broker_unavailable' : 'broker_refused',
      `${subject}: ${error.description ?? 'refused'} (${error.err_code ?? error.code})`,
    );
    this.apiCode = error.err_code ?? error.code;
  }
}

/** Numbers of refusals that this room acts on. */
export const API_CODES = {
  streamNotFound: 10059,
  consumerNotFound: 10014,
  noMessage: 10037,
  messageNotRemoved: 10057,
  notEnoughStorage: 10047,
} as const;

const REQUEST_TIMEOUT_MS = 2_000;
/** Attempts start this far apart while the broker is away or not ready. */
const RETRY_MS = 50;

/**
 * Asks the JetStream API once and gives back its answer.
 * @throws ApiRefusal when it says no; AppError `broker_unavailable` when nobody answers in time
 */
export async function requestApi<Answer>(
  connection: BrokerConnection,
  subject: string,
  body?: unknown,
  timeoutMs = REQUEST_TIMEOUT_MS,
): Promise<Answer> {
  const lost = Promise.withResolvers<never>();
  lost.promise.catch(() => undefined);
  const stopListening = connection.onChange(() => lost.reject(new Error('the connection was lost')));
  let text: string;
  try {
    const asked = connection.nats.request(subject, body === undefined ? '' : JSON.stringify(body), { timeout: timeoutMs });
    const message = await Promise.race([asked, lost.promise]);
    text = message.string();
  } catch (error) {
    throw new AppError('broker_unavailable', `${subject}: expected an answer within ${timeoutMs} ms`, { cause: error });
  } finally {
    stopListening();
  }
  const answer = JSON.parse(text) as Answer & { error?: { code: number; err_code?: number; description?: string } };
  if (answer.error !== undefined) throw new ApiRefusal(subject, answer.error);
  return answer;
}

/**
 * Asks until it is answered or `totalMs` are over, waiting for the connection where it is away. For requests that may be
 * repeated. A refusal that would not change is thrown at once.
 */
export async function requestApiUntil<Answer>(
  connection: BrokerConnection,
  subject: string,
  body: unknown,
  totalMs: number,
): Promise<Answer> {
  const until = performance.now() + totalMs;
  for (;;) {
    const left = until - performance.now();
    await connection.whenConnected(Math.max(0, left));
    try {
      return await requestApi<Answer>(connection, subject, body, Math.max(RETRY_MS, Math.min(REQUEST_TIMEOUT_MS, left)));
    } catch (error) {
      const isLast = performance.now() + RETRY_MS >= until;
      if (isLast || !(error instanceof AppError) || error.code !== 'broker_unavailable' || connection.nats.isClosed()) throw error;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

/** These carry the status 500, and the same request will never do: a config that does not fit, an update that cannot be. */
const PERMANENT_SERVER_ERRORS: readonly number[] = [10012, 10049, 10052, 10069];

/** A server that is starting, electing or short of something says 429, 500 or 503: the same request may do later. */
function isTransient(error: { code: number; err_code?: number }): boolean {
  return (error.code === 429 || error.code >= 500) && !PERMANENT_SERVER_ERRORS.includes(error.err_code ?? 0);
}
