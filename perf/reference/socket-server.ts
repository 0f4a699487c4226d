import { createServer } from 'node:net';

/**
 * The least that can answer: counts bytes and knows nothing of HTTP. What the load generator reaches against it is the
 * generator's own limit on this machine.
 *
 *     socket-server.ts <port> <bytes of one request>
 */
const [port, requestBytes] = process.argv.slice(2).map(Number);
const answer = Buffer.from('HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"seq":0}');

createServer({ noDelay: true }, (socket) => {
  let missing = requestBytes ?? 0;
  socket.on('error', () => socket.destroy());
  socket.on('data', (bytes) => {
    missing -= bytes.length;
    if (missing > 0) return;
    missing += requestBytes ?? 0;
    socket.write(answer);
  });
}).listen(port, '127.0.0.1');
process.on('SIGTERM', () => process.exit());
