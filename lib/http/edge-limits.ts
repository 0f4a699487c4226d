/** What one connection and one request may cost. Milliseconds and bytes. */
export interface EdgeLimits {
  readonly bodyBytes: number;
  readonly headerBytes: number;
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly connectionTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  /** How often each connection is looked at. */
  readonly checkIntervalMs: number;
  readonly handlerTimeoutMs: number;
  readonly requestsPerSocket: number;
  readonly maxConnections: number;
}

/**
 * In so many steps all connections are looked at: thousands that came together would otherwise be closed together, and come back together,
 * while everybody else waits.
 */
export const CHECK_STEPS = 20;

export const DEFAULT_EDGE_LIMITS: EdgeLimits = {
  // What the big providers stay under by far, but for Meta (3 MB).
  bodyBytes: 1_048_576,
  headerBytes: 16_384,
  // Ten seconds for the headers and fifteen for all of it is what a slow mobile network needs; a slow attacker gets no more.
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 15_000,
  connectionTimeoutMs: 20_000,
  // Longer than the 60 s that load balancers keep an idle connection, so that it is they who close it.
  keepAliveTimeoutMs: 65_000,
  // Node looks at its timeouts every 30 s unless told otherwise, and they fire that much late.
  checkIntervalMs: 1_000,
  // Slack waits 3 s for an answer, the shortest of all providers.
  handlerTimeoutMs: 2_500,
  requestsPerSocket: 1_000,
  // Each costs some 20 KiB and a file descriptor (of 16,384 usually).
  maxConnections: 8_192,
};
