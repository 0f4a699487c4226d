/**
 * Node's own modules, asked for when they are needed: `fetch`, and an `import` of node:http too, load the whole of undici at
 * 90 ms of CPU, which is a tenth of a program's start.
 */
const clientOf = (url: URL) => (url.protocol === 'https:' ? process.getBuiltinModule('node:https') : process.getBuiltinModule('node:http'));

/**
 * Reads JSON over HTTP; redirects are not followed.
 * @param timeoutMs for all of it
 * @throws Error with a sentence: what cannot be reached, is late, has another status than 200 or is no JSON
 */
export async function readJson(address: string, timeoutMs: number): Promise<unknown> {
  const url = new URL(address);
  const signal = AbortSignal.timeout(timeoutMs);
  const toError = (error: NodeJS.ErrnoException): Error =>
    signal.aborted ? new Error(`no whole answer within ${timeoutMs} ms`) : named(error);
  const text = await new Promise<string>((resolve, reject) => {
    const request = clientOf(url).get(url, { signal, agent: false }, (response) => {
      const { statusCode } = response;
      if (statusCode !== 200) {
        response.destroy();
        reject(new Error(`status ${statusCode}`));
        return;
      }
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => (body += part));
      response.on('end', () => resolve(body));
      response.on('error', (error) => reject(toError(error)));
    });
    request.on('error', (error) => reject(toError(error)));
  });
  return JSON.parse(text);
}

/** Where a name has several addresses and none takes the connection, Node's error has a code and no message. */
function named(error: NodeJS.ErrnoException): Error {
  return error.message === '' ? new Error(error.code, { cause: error }) : error;
}
