import type { Duplex } from 'node:stream';
import type { ConnectionTransport } from 'puppeteer-core';

/** Larger is no answer of a browser that renders one document of bounded size; a browser that was taken over must not fill our memory. */
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;
const END = Buffer.of(0);

/**
 * The DevTools protocol over the browser's two pipes: JSON with a zero byte behind each message. A browser that is spoken to
 * like this needs no port, so it can live in a network namespace where there is nothing.
 */
export function createPipeTransport(toBrowser: Duplex, fromBrowser: Duplex): ConnectionTransport {
  let pieces: Buffer[] = [];
  let bytes = 0;
  let isClosed = false;
  const transport: ConnectionTransport = {
    send(message) {
      if (isClosed) return;
      toBrowser.write(message);
      toBrowser.write(END);
    },
    close,
  };

  function close(): void {
    if (isClosed) return;
    isClosed = true;
    toBrowser.destroy();
    fromBrowser.destroy();
    transport.onclose?.();
  }

  fromBrowser.on('data', (chunk: Buffer) => {
    let start = 0;
    for (let end = chunk.indexOf(0); end !== -1; end = chunk.indexOf(0, start)) {
      const message = Buffer.concat([...pieces, chunk.subarray(start, end)]).toString('utf8');
      pieces = [];
      bytes = 0;
      start = end + 1;
      transport.onmessage?.(message);
    }
    pieces.push(chunk.subarray(start));
    bytes += chunk.length - start;
    if (bytes > MAX_MESSAGE_BYTES) close();
  });
  // A browser that is gone resets its pipes; that it is gone is all there is to know.
  for (const pipe of [toBrowser, fromBrowser]) pipe.on('error', close).on('close', close);
  return transport;
}
