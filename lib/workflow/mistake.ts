/** One thing that is wrong in a workflow document. */
export interface Mistake {
  /** `steps[0].with.text`; '' is the document itself. */
  readonly path: string;
  /** What was expected and what was got. */
  readonly message: string;
  /** The nearest right word, where there is one that is near. */
  readonly nearest?: string;
}

/** `steps[0].with.text: expected ..., got ...; did you mean "..."?` */
export function mistakeText(mistake: Mistake): string {
  const hint = mistake.nearest === undefined ? '' : `; did you mean "${mistake.nearest}"?`;
  return `${mistake.path === '' ? 'document' : mistake.path}: ${mistake.message}${hint}`;
}

export function mistake(path: string, message: string, nearest?: string): Mistake {
  return { path, message, ...(nearest === undefined ? {} : { nearest }) };
}

/** `['steps', 0, 'with']` as `steps[0].with`. */
export function pathText(path: readonly PropertyKey[]): string {
  return path.map((part, index) => (typeof part === 'number' ? `[${part}]` : index === 0 ? String(part) : `.${String(part)}`)).join('');
}

/** The word with the fewest edits to `word`, at most a third of its length (and at least one); undefined where none is near. */
export function nearestWord(word: string, words: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of words) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Optimal string alignment: insert, delete, replace, swap neighbours. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let best = Math.min(replaced, last[j]! + 1, row[j - 1]! + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, beforeLast[j - 2]! + 1);
      row.push(best);
    }
    [beforeLast, last] = [last, row];
  }
  return last[b.length]!;
}
