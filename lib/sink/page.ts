import type { SinkArrival, SinkEmail, SinkMessage } from './arrivals.ts';

/** Messages on the page; the JSON has all. */
const SHOWN = 200;

/** The sink's page: what arrived, newest first. Whole HTML, no script, nothing loaded from elsewhere. */
export function renderPage(messages: readonly SinkArrival[]): string {
  const rows = messages
    .slice(-SHOWN)
    .toReversed()
    .map((message) => (message.kind === 'email' ? renderEmail(message) : renderRow(message)))
    .join('\n');
  const count = messages.length === 1 ? '1 message' : `${messages.length} messages`;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="refresh" content="2">
<title>${count} - VisAPI sink</title>
<style>
  body { font: 14px/1.4 system-ui, sans-serif; margin: 2rem; color: #1d1c1d; }
  table { border-collapse: collapse; width: 100%; }
  th, td { text-align: left; vertical-align: top; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid #ddd; }
  pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; font: inherit; unicode-bidi: plaintext; }
  pre.blocks { font: 12px/1.4 ui-monospace, monospace; color: #666; margin-top: .4rem; }
  code { color: #666; }
</style>
<h1>What would have been sent</h1>
<p>${count}. The same as JSON: <a href="/messages">/messages</a>. Every request: <a href="/attempts">/attempts</a>.</p>
<table>
<tr><th>at</th><th>to</th><th>message</th><th>identity</th></tr>
${rows}
</table>
</html>
`;
}

function renderRow(message: SinkMessage): string {
  const blocks = message.body['blocks'];
  const drawnBlocks = Array.isArray(blocks) ? `<pre class="blocks">${escapeHtml(JSON.stringify(blocks, null, 2))}</pre>` : '';
  const key = message.idempotencyKey?.slice(0, 12) ?? '';
  return `<tr><td>${message.at}</td><td>${escapeHtml(message.channel)}</td><td><pre>${escapeHtml(message.text)}</pre>${drawnBlocks}</td><td><code>${escapeHtml(key)}</code></td></tr>`;
}

function renderEmail(email: SinkEmail): string {
  const attachments = email.attachments.map(
    ({ name, type, bytes, path }) =>
      `<p><a href="${escapeHtml(path)}" download="${escapeHtml(name)}">${escapeHtml(name)}</a> ${escapeHtml(type)}, ${bytes} bytes</p>`,
  );
  const content = `<pre><b>${escapeHtml(email.subject)}</b></pre><pre>${escapeHtml(email.text)}</pre>${attachments.join('')}`;
  return `<tr><td>${email.at}</td><td><pre>${escapeHtml(email.to)}</pre></td><td>${content}</td><td><code>${escapeHtml(email.messageId.slice(0, 13))}</code></td></tr>`;
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}
