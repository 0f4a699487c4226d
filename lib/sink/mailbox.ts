import { createHash } from 'node:crypto';
import PostalMime, { type Attachment, type Email } from 'postal-mime';
import type { Arrivals, SinkAttachment, SinkEmail } from './arrivals.ts';

/** Mails whose bytes are kept; those of older ones are gone, and the list still has them. */
const MAX_KEPT_BYTES = 67_108_864;

/** The mails that arrived, with their bytes. */
export class Mailbox {
  readonly #arrivals: Arrivals;
  readonly #raw = new Map<string, Buffer>();
  #bytes = 0;

  constructor(arrivals: Arrivals) {
    this.#arrivals = arrivals;
  }

  add(raw: Buffer, mail: Email, envelope: { readonly from: string; readonly to: string }): SinkEmail {
    const stored = this.#arrivals.addEmail((id) => describe(raw, mail, envelope, id));
    this.#raw.set(stored.id, raw);
    this.#bytes += raw.length;
    for (const [id, { length }] of this.#raw) {
      if (this.#bytes <= MAX_KEPT_BYTES) break;
      this.#raw.delete(id);
      this.#bytes -= length;
    }
    return stored;
  }

  /** The mail as it came; undefined where it is unknown or too old. */
  raw(id: string): Buffer | undefined {
    return this.#raw.get(id);
  }

  async part(id: string, index: number): Promise<{ readonly type: string; readonly content: Buffer } | undefined> {
    const raw = this.#raw.get(id);
    const attachment = raw === undefined ? undefined : (await PostalMime.parse(raw)).attachments[index];
    return attachment === undefined ? undefined : { type: attachment.mimeType, content: contentOf(attachment) };
  }

  clear(): void {
    this.#raw.clear();
    this.#bytes = 0;
  }
}

function describe(
  raw: Buffer,
  mail: Email,
  envelope: { readonly from: string; readonly to: string },
  id: string,
): Omit<SinkEmail, 'at' | 'id'> {
  const headers: Record<string, string> = {};
  for (const { key, value } of mail.headers) headers[key] = headers[key] === undefined ? value : `${headers[key]}\n${value}`;
  return {
    kind: 'email',
    channel: envelope.to,
    from: envelope.from,
    to: (mail.to ?? []).map(({ name, address }) => (name === '' ? (address ?? '') : `${name} <${address ?? ''}>`)).join(', '),
    subject: mail.subject ?? '',
    messageId: mail.messageId ?? '',
    text: mail.text ?? '',
    html: mail.html ?? null,
    headers,
    bytes: raw.length,
    attachments: mail.attachments.map((attachment, index) => describeAttachment(attachment, id, index)),
  };
}

function describeAttachment(attachment: Attachment, id: string, index: number): SinkAttachment {
  const content = contentOf(attachment);
  return {
    name: attachment.filename ?? '',
    type: attachment.mimeType,
    bytes: content.length,
    sha256: createHash('sha256').update(content).digest('hex'),
    path: `/messages/${id}/attachments/${index}`,
  };
}

function contentOf({ content }: Attachment): Buffer {
  return typeof content === 'string' ? Buffer.from(content) : Buffer.from(content as ArrayBuffer);
}
