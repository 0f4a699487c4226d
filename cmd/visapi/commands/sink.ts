import { once } from 'node:events';
import { Option, type Command } from 'commander';
import { startSink } from '../../../lib/sink/sink.ts';
import { defaults } from '../config.ts';
import { CommandError, exitCodes, outputOf } from '../output.ts';

/** `visapi sink`: runs the local peer until it is told to stop (SIGINT, SIGTERM, or its supervisor goes away). */
export function registerSink(program: Command): void {
  program
    .command('sink')
    .addOption(new Option('--port <port>', 'where it listens').env('SINK_PORT').default(String(defaults.sinkPort)))
    .addOption(
      new Option('--smtp-port <port>', 'where its mail server listens').env('SINK_SMTP_PORT').default(String(defaults.sinkSmtpPort)),
    )
    .option('--host <address>', 'what it listens on; it has no authentication', '127.0.0.1')
    .option('--file <path>', 'also append every message to this file, one JSON per line, and have its last ones again at the start')
    .option('--max-messages <count>', 'messages kept in memory, the oldest go first', '100000')
    .addHelpText(
      'after',
      `
Examples:
  $ visapi sink
  $ visapi sink --port 27190 --file /tmp/messages.jsonl
  $ curl -s localhost:27090/messages
  $ curl -s localhost:27090/behaviour -d '{"times": 5, "match": {"textIncludes": "A-17"}, "answer": {"status": 500}}'
  $ curl -s localhost:27090/messages?kind=email
  $ curl -s localhost:27090/behaviour -d '{"answer": {"hangUp": "after-read"}}'
  $ curl -s localhost:27090/behaviour -d '{"match": {"kind": "email"}, "answer": {"stage": "to", "status": 450}}'

/behaviour tells it to fail the next requests that match, then it answers as Slack does again:
  match   {"kind": "slack" or "email", "channel": "#releases" or a recipient, "textIncludes": "v1"}; default: every request
  times   how many requests; default: 1
  answer  status and body, retryAfter, delayMs, or hangUp: before-read, after-read, half-answer;
          of an e-mail also the stage: connect, auth, from, to or data; default: data
GET lists what is waiting, DELETE takes it back. A refusal for good, which makes a dead letter:
  $ curl -s localhost:27090/behaviour -d '{"match": {"channel": "#releases"}, "answer": {"status": 400, "body": "invalid_blocks"}}'`,
    )
    .action(async (options: { port: string; smtpPort: string; host: string; file?: string; maxMessages: string }, command: Command) => {
      const output = outputOf(command);
      const { host, file } = options;
      const port = wholeNumber('port', options.port, 65_535);
      const smtpPort = wholeNumber('smtp-port', options.smtpPort, 65_535);
      const maxMessages = wholeNumber('max-messages', options.maxMessages, 10_000_000);
      const sink = await startSink({ host, port, smtpPort, maxMessages, ...(file === undefined ? {} : { file }) }).catch(explain);
      output.result({ url: sink.url, smtpUrl: sink.smtpUrl }, () => `The sink listens on ${sink.url}, for e-mails on ${sink.smtpUrl}`);
      await toldToStop();
      await sink.stop();
    });
}

function explain(error: unknown): never {
  if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')
    throw new CommandError(`${error.message}: set SINK_PORT, SINK_SMTP_PORT, --port or --smtp-port to another one`, { cause: error });
  throw error;
}

function wholeNumber(name: string, text: string, max: number): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || number > max)
    throw new CommandError(`--${name}: expected a whole number up to ${max}, got ${text}`, { exitCode: exitCodes.wrongUsage });
  return number;
}

async function toldToStop(): Promise<void> {
  const abort = new AbortController();
  const { signal } = abort;
  const ends = [once(process, 'SIGINT', { signal }), once(process, 'SIGTERM', { signal })];
  if (process.connected) ends.push(once(process, 'disconnect', { signal }));
  await Promise.race(ends);
  // The other waits end with the process; their end by this abort is no error.
  for (const end of ends) end.catch(() => undefined);
  abort.abort();
}
