import { openRawConnection } from './raw-connection.ts';
import type { Samples } from './samples.ts';
import type { Window } from './sending.ts';

export interface LoopOptions {
  readonly port: number;
  readonly connections: number;
  readonly requestBytes: number;
  writeNext(target: Uint8Array): void;
  readonly window: Window;
  /** Called with every answer; undefined: lost. */
  onAnswer(status: number | undefined): void;
  /** Of the 2xx answers inside the window. */
  readonly latencies: Samples;
}

export function isAccepted(status: number | undefined): boolean {
  return status !== undefined && status >= 200 && status < 300;
}

/** Resolves when the last answer has come after the end of the window. */
export async function runClosedLoop(options: LoopOptions): Promise<void> {
  const { port, window, latencies } = options;
  const senders = Array.from({ length: options.connections }, () => {
    const request = Buffer.alloc(options.requestBytes);
    return new Promise<void>((resolve) => {
      let sentAt = 0;
      const connection = openRawConnection(port, (status) => {
        const now = performance.now();
        options.onAnswer(status);
        if (isAccepted(status) && now >= window.fromMs && now < window.toMs) latencies.add(now - sentAt);
        if (now < window.toMs) return sendNext(now);
        connection.close();
        resolve();
      });
      const sendNext = (now: number) => {
        options.writeNext(request);
        sentAt = now;
        connection.send(request);
      };
      sendNext(performance.now());
    });
  });
  await Promise.all(senders);
}
