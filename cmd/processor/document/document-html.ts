import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Context, Liquid } from 'liquidjs';
import { renderWithinLimit } from '../../../lib/workflow/render-limit.ts';
import { createLanguage } from '../../../lib/workflow/template-language.ts';
import { documentLocale, type DocumentLocale, moneyText, momentText, numberText } from './locale.ts';

export interface HtmlRequest {
  readonly template: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** BCP 47. (Default: en) */
  readonly locale?: string | undefined;
}

/** The command asks for a page that cannot be made of this template and this data; another try would end the same. */
export class UnusableTemplate extends Error {
  override readonly name = 'UnusableTemplate';
}

/** A name that leads to no other folder. */
const NAME = /^[a-z0-9][a-z0-9-]{0,63}$/;
/** A page of text is 5 kB; pictures are in it as `data:`. */
const MAX_HTML_LENGTH = 5_000_000;
/** A long table takes 50 ms. Nothing but rendering happens in this process. */
const MAX_RENDER_MS = 1_000;

/**
 * Makes a page out of a template: Liquid with the workflows' filters, every value escaped, without a way around it. The templates are
 * files of whoever runs VisAPI; what events bring is data, never a template.
 */
export function createHtmlTemplates(folder: string): { render(request: HtmlRequest): string } {
  const engine = createLanguage({
    tags: ['render', 'layout', 'block'],
    escape: escapeHtml,
    options: {
      root: [folder],
      extname: '.liquid',
      relativeReference: false,
      parseLimit: MAX_HTML_LENGTH,
      renderLimit: MAX_RENDER_MS,
      memoryLimit: MAX_HTML_LENGTH,
    },
  });
  addFilters(engine, folder);

  return {
    render({ template, data, locale: tag = 'en' }) {
      if (!NAME.test(template)) throw new UnusableTemplate(`template: expected ${NAME}, got ${JSON.stringify(template)}`);
      if (!existsSync(join(folder, `${template}.liquid`)))
        throw new UnusableTemplate(`template: there is no ${template}.liquid in ${folder}`);
      try {
        const locale = documentLocale(tag);
        const globals = { locale, words: readWords(folder, locale) };
        const html: unknown = renderWithinLimit(MAX_RENDER_MS, () => engine.renderFileSync(template, data, { globals }));
        if (typeof html !== 'string' || html.length > MAX_HTML_LENGTH)
          throw new TypeError(`expected at most ${MAX_HTML_LENGTH} characters`);
        return html;
      } catch (error) {
        const inner =
          error instanceof Error && 'originalError' in error && error.originalError instanceof Error ? error.originalError : error;
        throw new UnusableTemplate(`${template}: ${inner instanceof Error ? inner.message : String(inner)}`, { cause: error });
      }
    },
  };
}

type Words = Readonly<Record<string, string>>;

function addFilters(engine: Liquid, folder: string): void {
  const localeOf = (context: Context) => (context.globals as { locale: DocumentLocale }).locale;
  engine.registerFilter('money', function (value: unknown, currency: unknown) {
    return moneyText(value, currency, localeOf(this.context));
  });
  engine.registerFilter('number', function (value: unknown) {
    return numberText(value, localeOf(this.context));
  });
  engine.registerFilter('moment', function (value: unknown, timeZone: unknown) {
    return momentText(value, timeZone, localeOf(this.context));
  });
  engine.registerFilter('t', function (key: unknown) {
    const { words, locale } = this.context.globals as { words: Words; locale: DocumentLocale };
    const word = typeof key === 'string' && Object.hasOwn(words, key) ? words[key] : undefined;
    if (word === undefined)
      throw new TypeError(`t: expected ${JSON.stringify(key)} in ${folder}/words/ for one of ${locale.chain.join(', ')}`);
    return word;
  });
  engine.registerFilter('from_json', (text: unknown): unknown => {
    try {
      return JSON.parse(String(text)) as unknown;
    } catch {
      throw new TypeError('from_json: expected JSON');
    }
  });
}

/** The words of all languages of the chain, the nearest one's on top. */
function readWords(folder: string, { chain }: DocumentLocale): Words {
  const files = chain.map((tag) => join(folder, 'words', `${tag}.json`)).filter((path) => existsSync(path));
  return Object.assign({}, ...files.toReversed().map((path) => JSON.parse(readFileSync(path, 'utf8')) as Words)) as Words;
}

/** The five characters that mean something in HTML's text and in its quoted attributes (HTML Living Standard, 13.3). */
function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;').replaceAll("'", '&#39;');
}
