import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { Secret } from '../../../lib/core/secret.ts';
import { createDial } from '../../../lib/egress/dial.ts';
import { createSmtpSender, type SmtpResult } from './smtp-sender.ts';
import type { SmtpServer } from './smtp-server.ts';

/** Of `localhost`, signed by itself; the key is no secret. */
const PEM = readFileSync(new URL('fixtures/localhost.pem', import.meta.url), 'utf8');
const MAIL = { raw: Buffer.from('Subject: x\r\n\r\nbody\r\n'), messageId: '<1@example.org>', from: 'a@example.org', to: 'b@example.org' };

/** A server with TLS that counts what it is told without it. */
async function start(t: TestContext, options: SMTPServerOptions) {
  const plain: string[] = [];
  let mails = 0;
  const server = new SMTPServer({
    cert: PEM,
    key: PEM,
    logger: false,
    authOptional: true,
    disableReverseLookup: true,
    closeTimeout: 100,
    onAuth: ({ username }, { secure }, answer) => {
      if (!secure) plain.push('AUTH');
      answer(null, { user: username });
    },
    onMailFrom: (_address, { secure }, answer) => {
      if (!secure) plain.push('MAIL');
      answer();
    },
    onData(stream, _session, answer) {
      mails++;
      stream.resume();
      stream.on('end', () => answer());
    },
    ...options,
  });
  server.on('error', () => undefined);
  const listener = server.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  t.after(() => new Promise<void>((resolve) => server.close(resolve)));
  const { port } = listener.address() as AddressInfo;
  return {
    plain,
    mails: () => mails,
    async send(tls: SmtpServer['tls'], more: { readonly ca?: string; readonly host?: string } = {}): Promise<SmtpResult> {
      const { host = 'localhost', ...rest } = more;
      const dial = createDial({ rules: { allow: [`smtp://localhost:${port}`, `smtp://127.0.0.1:${port}`], ports: [] } });
      const login = { user: 'u', password: new Secret('p') };
      return await createSmtpSender({ server: { host, port, tls, login }, dial, ...rest }).send(MAIL, new AbortController().signal);
    },
  };
}

test('a mail goes through TLS from the first byte or after STARTTLS, with a certificate of that name', async (t) => {
  const atOnce = await start(t, { secure: true });
  const startTls = await start(t, {});
  for (const [server, tls] of [
    [atOnce, 'at-once'],
    [startTls, 'starttls'],
  ] as const) {
    assert.equal((await server.send(tls, { ca: PEM })).kind, 'sent', tls);
    // Its own signature counts for nothing, and neither does the name of another host.
    for (const more of [{}, { ca: PEM, host: '127.0.0.1' }]) {
      const result = await server.send(tls, more);
      assert.ok(result.kind === 'not-sent' && result.code === 'tls', `${tls} ${JSON.stringify(result)}`);
    }
    assert.equal(server.mails(), 1);
    assert.deepEqual(server.plain, []);
  }
});

test('where TLS is required, a server without it is told neither the login nor the mail', async (t) => {
  // As somebody on the way makes it look who takes STARTTLS out of the answer, and then refuses it.
  const stripped = await start(t, { disabledCommands: ['STARTTLS'], allowInsecureAuth: true });
  const result = await stripped.send('starttls', { ca: PEM });
  assert.ok(result.kind === 'answer' && result.stage === 'tls', JSON.stringify(result));
  assert.deepEqual([stripped.plain, stripped.mails()], [[], 0]);
});
