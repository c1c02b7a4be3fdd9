import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import path from 'node:path';

/**
 * Starts a reverse proxy on port 443 that ends TLS and passes HTTP/1.1 and WebSockets on, with X-Forwarded-For, as
 * `behind_proxy` expects it. It passes nothing else: no TURN, no ICE over TCP.
 * @param {number} port of the server behind it, on loopback
 * @returns {Promise<() => void>} stops it
 */
export async function startProxy(port) {
  const ca = String(process.env.TEST_CA);
  /** @type {Set<import('node:stream').Duplex>} */
  const open = new Set();
  /** @param {http.IncomingMessage} request */
  const headers = (request) => ({ ...request.headers, 'x-forwarded-for': request.socket.remoteAddress });
  const proxy = https.createServer(
    { cert: readFileSync(path.join(ca, 'server.pem')), key: readFileSync(path.join(ca, 'server.key')) },
    (request, response) => {
      const up = http.request(
        { port, host: '127.0.0.1', method: request.method, path: request.url, headers: headers(request) },
        (answer) => {
          response.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(response);
        },
      );
      up.on('error', () => response.destroy());
      request.pipe(up);
    },
  );
  proxy.on('upgrade', (request, near, head) => {
    const far = net.connect(port, '127.0.0.1', () => {
      const lines = Object.entries(headers(request)).map(([name, value]) => `${name}: ${value}\r\n`);
      far.write(`GET ${request.url} HTTP/1.1\r\n${lines.join('')}\r\n`);
      far.write(head);
      near.pipe(far).pipe(near);
    });
    for (const [one, other] of [
      [near, far],
      [far, near],
    ]) {
      open.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        open.delete(one);
        other.destroy();
      });
    }
  });
  await new Promise((resolve) => {
    proxy.listen(443, '::', () => resolve(undefined));
  });
  return () => {
    proxy.close();
    proxy.closeAllConnections();
    for (const socket of open) socket.destroy();
  };
}
