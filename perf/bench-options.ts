import { parseArgs } from 'node:util';

/** A number above 0 for each option, by its name without the dashes, and `--json`. */
export interface BenchOptions<Name extends string> {
  readonly isJson: boolean;
  readonly numbers: Readonly<Record<Name, number>>;
  /** Where CPU profiles go; undefined: none is taken. */
  readonly profile: string | undefined;
}

/**
 * Reads a bench's options, or says what to do instead: prints the help and gives 0, or says what is wrong and gives 2.
 * `defaults` are the options with their defaults.
 */
export function readBenchOptions<Name extends string>(
  args: readonly string[],
  usage: string,
  defaults: Readonly<Record<Name, number>>,
): BenchOptions<Name> | number {
  if (args.includes('--help')) {
    process.stdout.write(usage);
    return 0;
  }
  try {
    const names = Object.keys(defaults) as Name[];
    const text = { type: 'string' } as const;
    const { values } = parseArgs({
      args: [...args],
      options: { json: { type: 'boolean' }, profile: text, ...Object.fromEntries(names.map((name) => [name, text])) },
    });
    const given = values as Readonly<Record<string, string | boolean | undefined>>;
    const numbers = Object.fromEntries(names.map((name) => [name, positive(name, given[name] ?? `${defaults[name]}`)]));
    return { isJson: values.json === true, numbers: numbers as Record<Name, number>, profile: values.profile };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    process.stderr.write(`bench: ${error.message}\n`);
    return 2;
  }
}

function positive(name: string, text: string | boolean): number {
  const number = Number(text);
  if (!(number > 0)) throw new TypeError(`--${name}: expected a number above 0, got ${JSON.stringify(text)}`);
  return number;
}
