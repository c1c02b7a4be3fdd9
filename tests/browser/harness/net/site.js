import path from 'node:path';
import { Server } from '../server.js';
import { startMail } from './mail.js';
import { servers } from './network.js';
import { startProxy } from './proxy.js';

/**
 * Starts the server as an operator does: https on port 443 under a name, media on port 443 unless told otherwise, codes
 * by mail.
 * @param {string} name of its log among the artefacts
 * @param {{domain?: keyof typeof servers, proxy?: boolean, mediaPort?: number, args?: string[]}} [options] proxy: a
 *   reverse proxy has the port and ends TLS. args: further flags
 * @returns {Promise<Server>}
 */
export async function startSite(
  name,
  { domain = 'meet.example.test', proxy = false, mediaPort = 443, args = [] } = {},
) {
  /** @type {string[]} */
  let lines = [];
  const mail = await startMail((line) => lines.push(line));
  const ca = String(process.env.TEST_CA);
  const behind = 8080;
  const stopProxy = proxy ? await startProxy(behind) : () => undefined;
  const web = proxy
    ? ['--behind-proxy', '--url', `https://${domain}`, '--listen', `127.0.0.1:${behind}`]
    : ['--listen', ':443', '--tls-cert', path.join(ca, 'server.pem'), '--tls-key', path.join(ca, 'server.key')];
  const server = await Server.start(name, [
    ...['--domain', domain, ...web, '--media-port', String(mediaPort)],
    ...['--media-listen', servers[domain].join(',')],
    ...['--smtp', `smtp+plain://localhost:${mail.port}`, '--smtp-from', 'meet@example.test'],
    ...['--admin-listen', '127.0.0.1:9180', ...args],
  ]);
  server.lines.push(...lines);
  lines = server.lines;
  server.process?.once('exit', () => {
    mail.stop();
    stopProxy();
  });
  return server;
}
