/**
 * Whether an address answers with a status below 300; false where nobody does, or not in time. `fetch`, and an `import` of
 * node:http too, would load the whole of undici at 90 ms of CPU.
 */
export function answersWell(address: string, timeoutMs: number): Promise<boolean> {
  const { get } = process.getBuiltinModule('node:http');
  return new Promise((resolve) => {
    const request = get(address, { agent: false, signal: AbortSignal.timeout(timeoutMs) }, (response) => {
      response.destroy();
      resolve((response.statusCode ?? 500) < 300);
    });
    request.on('error', () => resolve(false));
  });
}
