import type { Ready } from '../../lib/dev/ready-file.ts';

/** A small release; the fields are those that the demo's workflow reads. */
const body = JSON.stringify({
  action: 'published',
  release: {
    tag_name: 'v1.0.0',
    name: 'First',
    draft: false,
    prerelease: false,
    body: 'It works.',
    html_url: 'https://github.com/octo/hello/releases/tag/v1.0.0',
    published_at: '2026-01-01T00:00:00Z',
    author: { login: 'octocat' },
  },
  repository: { full_name: 'octo/hello', html_url: 'https://github.com/octo/hello' },
});

/** What a person reads when everything runs: where things are, what to type, where to look. */
export function devPanel(ready: Ready, logs: string): string {
  return [
    '',
    'VisAPI runs. Ctrl-C stops it.',
    '',
    `  webhooks     ${ready.ingestUrl}/hooks/${ready.demo.source}`,
    `  events       ${ready.ingestUrl}/v1/events   (CloudEvents under the API key ${ready.demo.apiKey})`,
    `  API          ${ready.ingestUrl}/docs   (the reference; as a file: ${ready.ingestUrl}/openapi.json)`,
    `  sent         ${ready.sinkUrl}   (a local Slack and mail server: look here for what was sent; visapi sink --help makes it refuse)`,
    ...Object.entries(ready.opsUrls).map(([name, url]) => `  ${name.padEnd(11)}  ${url}/metrics`),
    ...ready.natsUrl.split(',').map((url) => `  broker       ${url}`),
    `  database     ${ready.databaseUrl}`,
    `  logs         ${logs}`,
    '',
    'Send a real GitHub payload, signed as GitHub signs:',
    '',
    `  npx visapi send ${ready.demo.source} --example release.published`,
    '',
    'Send paid orders, which become receipts by e-mail:',
    '',
    '  npx visapi send --orders 3',
    '',
    'A webhook with nothing but a shell:',
    '',
    indent(curlLine(ready)),
    '',
  ].join('\n');
}

/** One signed webhook, for a shell with curl and openssl. */
export function curlLine(ready: Ready): string {
  const signature = `$(printf %s "$BODY" | openssl dgst -sha256 -hmac '${ready.demo.secret}' -r | cut -d' ' -f1)`;
  return [
    `BODY='${body}'; curl -sS ${ready.ingestUrl}/hooks/${ready.demo.source}`,
    `-H 'content-type: application/json' -H 'x-github-event: release'`,
    `-H "x-github-delivery: $(cat /proc/sys/kernel/random/uuid)"`,
    `-H "${ready.demo.signatureHeader}: sha256=${signature}"`,
    `--data-binary "$BODY"`,
  ].join(' \\\n  ');
}

function indent(text: string): string {
  return text
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n');
}
