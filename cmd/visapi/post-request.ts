import { CommandError, exitCodes } from './output.ts';

/** What ingest said to one request. */
export interface Sent {
  readonly status: number;
  readonly id: string | null;
  readonly duplicate: boolean | null;
  /** Null where it is in the body. */
  readonly providerId: string | null;
  readonly ms: number;
  /** The code of the problem, where it was refused. */
  readonly code: string | null;
}

/** Longer than any answer of the door takes. */
const ANSWER_TIMEOUT_MS = 10_000;

/** @throws CommandError where nobody answers */
export async function postRequest(
  url: string,
  body: Uint8Array,
  headers: Record<string, string>,
  providerId: string | null,
): Promise<Sent> {
  const startedAt = performance.now();
  let response: Response;
  try {
    response = await fetch(url, { method: 'POST', headers, body: Buffer.from(body), signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) });
  } catch (error) {
    throw new CommandError(`no answer from ${new URL(url).origin}; is npm start running?`, {
      exitCode: exitCodes.unreachable,
      cause: error,
    });
  }
  const answer = (await response.json().catch(() => ({}))) as { id?: string; duplicate?: boolean; code?: string };
  const ms = Math.round(performance.now() - startedAt);
  return { status: response.status, id: answer.id ?? null, duplicate: answer.duplicate ?? null, providerId, ms, code: answer.code ?? null };
}
