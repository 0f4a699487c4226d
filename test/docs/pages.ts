import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../../lib/dev/local-home.ts';

/** One page of the documentation, by its path from the project's root. */
export interface Page {
  readonly path: string;
  readonly text: string;
}

export function readPage(path: string): Page {
  return { path, text: readFileSync(join(projectRoot, path), 'utf8') };
}

/** Everything that a person reads about the project, but for the code. */
export function allPages(): Page[] {
  const patterns = ['README.md', 'DECISIONS.md', 'docs/*.md', 'runbooks/*.md'];
  return patterns.flatMap((pattern) => globSync(pattern, { cwd: projectRoot }).toSorted().map(readPage));
}

/** What stands between backquotes in a line, and each line of a fenced block. */
export function codeOf({ text }: Page): string[] {
  const found: string[] = [];
  let isFenced = false;
  for (const line of text.split('\n')) {
    if (line.startsWith('```')) isFenced = !isFenced;
    else if (isFenced) found.push(line);
    else found.push(...[...line.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? ''));
  }
  return found;
}

/** The cells of every row of the page's tables, their heads left out. */
export function tableRows({ text }: Page): string[][] {
  return text
    .split('\n')
    .filter((line, index, lines) => line.startsWith('|') && !/^\|[\s|-]+\|$/.test(line) && !/^\|[\s|-]+\|$/.test(lines[index + 1] ?? ''))
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    );
}
