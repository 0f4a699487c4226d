/** What one connection and one request may cost. Milliseconds and bytes. */
export interface EdgeLimits {
  readonly bodyBytes: number;
  readonly headerBytes: number;
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly connectionTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly checkIntervalMs: number;
  readonly handlerTimeoutMs: number;
  readonly requestsPerSocket: number;
  readonly maxConnections: number;
}

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
