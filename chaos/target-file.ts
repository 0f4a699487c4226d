import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { ProgramName } from '../lib/dev/system-programs.ts';

const http = z.url({ protocol: /^https?$/ });

/** All brokers, with commas between them, as in NATS_URL. */
const brokers = z
  .string()
  .refine(
    (text) => text.split(',').every((each) => /^(nats|tls):\/\/[^\s/]+$/.test(each)),
    'expected nats://[user:password@]host:port[,...]',
  );

const targetSchema = z.object({
  ingestUrl: http,
  opsUrls: z
    .record(z.string().regex(/^[a-z]+(-\d+)?$/, 'expected the name of a process, as ingest or processor-2'), http)
    .refine((urls) => Object.keys(urls).some((name) => programOf(name) === 'ingest'), 'expected at least one ingest'),
  natsUrl: brokers,
  databaseUrl: z.url({ protocol: /^postgres(ql)?$/ }),
  demo: z.object({ source: z.string().min(1), secret: z.string().min(1) }),
  sinkUrl: http.optional(),
  journals: z.array(z.string()).optional(),
});

/**
 * A system that others have started, by its addresses: what `npm start` writes to `.visapi/ready.json` is one, and has more in it.
 * `demo` is a source with the preset `github`. Without `sinkUrl` nobody asks what has arrived; `journals` are those on this machine.
 */
export type Target = z.infer<typeof targetSchema>;

/** @throws TypeError what is wrong with the file, each mistake by its place */
export function readTarget(path: string): Target {
  let read: unknown;
  try {
    read = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new TypeError(`--target ${path}: expected a file with JSON: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
  const { success, data, error } = targetSchema.safeParse(read);
  if (success) return data;
  const mistakes = error.issues.map((issue) => `${issue.path.join('.') || 'the file'}: ${issue.message}`);
  throw new TypeError(`--target ${path}: ${mistakes.join('; ')}`);
}

/** The program of a process; undefined where the runner asks nothing of it. */
export function programOf(name: string): ProgramName | undefined {
  return (['ingest', 'processor', 'notifier'] as const).find((program) => name === program || name.startsWith(`${program}-`));
}
