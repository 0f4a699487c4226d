import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { text as readText } from 'node:stream/consumers';
import { Secret } from '../../lib/core/secret.ts';
import { CommandError, exitCodes } from './output.ts';
import { terminal } from './terminal.ts';

export interface SecretOptions {
  readonly secretFile?: string;
  readonly generate?: true;
}

/** A secret, and whether it is one that nobody has seen yet. */
export interface GivenSecret {
  readonly value: Secret;
  readonly isNew: boolean;
}

/** As much as HMAC-SHA256 can use (RFC 2104, 3). */
const SECRET_BYTES = 32;

/**
 * Reads a secret from the file, else from standard input, where a person types it unseen. Never from an argument: arguments
 * are seen by everybody on the machine, and stay in the shell's history.
 * @throws CommandError where there is none
 */
export async function readSecret({ secretFile, generate }: SecretOptions, preset: string): Promise<GivenSecret> {
  if (generate === true) {
    if (secretFile !== undefined) throw wrong('expected --generate or --secret-file, got both');
    return { value: generateSecret(preset), isNew: true };
  }
  // An editor or echo has put the line break there.
  const given = (secretFile === undefined ? await readInput() : await readSecretFile(secretFile)).replace(/\r?\n$/, '');
  if (given === '') throw wrong('expected a secret on standard input or in --secret-file, got nothing; --generate makes one');
  checkLength(given, preset);
  return { value: new Secret(given), isNew: false };
}

/**
 * The fewest characters of a new secret; those that a source has already go on. Whoever has seen one signed request can try secrets on it as fast as his machine
 * counts: below 16 characters that people choose he may find it. One that is sent itself can only be tried at the door. 24: base64 of the 18 bytes
 * below which nothing keeps to Standard Webhooks, which asks for 24.
 */
const MIN_CHARACTERS: Readonly<Record<string, number>> = { bearer: 8, 'api-key': 8, basic: 8, 'standard-webhooks': 24 };
const MIN_SIGNING_CHARACTERS = 16;

function checkLength(secret: string, preset: string): void {
  const counted = preset === 'basic' ? secret.slice(secret.indexOf(':') + 1) : secret.replace(/^whsec_/, '');
  const least = MIN_CHARACTERS[preset] ?? MIN_SIGNING_CHARACTERS;
  if (counted.length >= least) return;
  const part = preset === 'basic' ? 'password' : 'secret';
  const because =
    MIN_CHARACTERS[preset] === undefined || preset === 'standard-webhooks'
      ? 'a short one can be found from a single signed request'
      : 'a short one can be guessed';
  throw wrong(`expected a ${part} of at least ${least} characters for ${preset}, got ${counted.length}: ${because}`);
}

/** @throws CommandError with the system's reason */
export async function readSecretFile(path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).replace(/\r?\n$/, '');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    throw new CommandError(`--secret-file: expected a file that can be read, got ${path} (${code})`, { cause: error });
  }
}

async function readInput(): Promise<string> {
  const { stdin, stderr } = terminal();
  if (stdin.isTTY !== true) return await readText(stdin);
  stderr.write('The secret (it is not shown): ');
  const muted = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = createInterface({ input: stdin, output: muted, terminal: true });
  try {
    return await reader.question('');
  } finally {
    reader.close();
    stderr.write('\n');
  }
}

function generateSecret(preset: string): Secret {
  const bytes = randomBytes(SECRET_BYTES);
  switch (preset) {
    case 'standard-webhooks':
      return new Secret(`whsec_${bytes.toString('base64')}`);
    case 'basic':
      return new Secret(`visapi:${bytes.toString('base64url')}`);
    case 'stripe':
    case 'slack':
      throw wrong(`--generate: ${preset} gives its secrets itself; copy it from there`);
    default:
      return new Secret(bytes.toString('hex'));
  }
}

function wrong(message: string): CommandError {
  return new CommandError(message, { exitCode: exitCodes.wrongUsage });
}
