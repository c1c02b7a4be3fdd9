import http from 'node:http';
import net from 'node:net';

/**
 * @typedef {(message: any, direction: 'up' | 'down') => any} Tamper gives the message to pass on (changed or not), or
 *   null for none
 */

/**
 * A server that lies: it stands between a browser and the real one, passes everything on, and changes what it likes
 * of the WebSocket's messages. Pages come over HTTP, media goes past it, as with a real relay that only reads what is
 * signalled.
 */
export class Relay {
  /** @type {Tamper} */
  tamper = (message) => message;
  /**
   * Scripts that are changed on their way, by the end of their address.
   * @type {Map<string, (text: string) => string>}
   */
  scripts = new Map();
  url = '';
  /** who is at the page, as the server numbered them last */
  participant = 0;
  /** the newest entry of the group's log that the server sent */
  position = 0;
  #server;
  /** @type {Set<import('node:stream').Duplex>} */
  #open = new Set();
  /** Both ends of each WebSocket. @type {Set<{browser: import('node:stream').Duplex, server: net.Socket}>} */
  #lines = new Set();

  /** @param {string} target the real server's address */
  constructor(target) {
    const { hostname, port } = new URL(target);
    this.#server = http.createServer((request, response) => {
      const change = [...this.scripts].find(([end]) => request.url?.endsWith(end))?.[1];
      const headers = { ...request.headers, ...(change && { 'accept-encoding': 'identity' }) };
      const up = http.request({ hostname, port, path: request.url, method: request.method, headers }, (answer) => {
        if (change) return void changed(answer, response, change);
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      });
      up.on('error', () => response.destroy());
      request.pipe(up);
    });
    this.#server.on('upgrade', (request, socket, head) => {
      const up = net.connect(Number(port), hostname, () => {
        const headers = Object.entries(request.headers)
          .map(([name, value]) => `${name}: ${value}\r\n`)
          .join('');
        up.write(`GET ${request.url} HTTP/1.1\r\n${headers}\r\n`);
        up.write(head);
        this.#join(socket, up);
      });
      for (const [one, other] of [
        [socket, up],
        [up, socket],
      ]) {
        this.#open.add(one);
        one.on('error', () => other.destroy());
        one.on('close', () => {
          this.#open.delete(one);
          other.destroy();
        });
      }
    });
  }

  /** @param {string} target @returns {Promise<Relay>} */
  static async start(target) {
    const relay = new Relay(target);
    await new Promise((resolve) => {
      relay.#server.listen(0, '127.0.0.1', () => resolve(undefined));
    });
    relay.url = `http://127.0.0.1:${/** @type {net.AddressInfo} */ (relay.#server.address()).port}`;
    return relay;
  }

  /** Serves a page whose encryption has a clock that can be put ahead: `Person.ahead`. */
  withClock() {
    const real = 'const now = () => performance.now();';
    this.scripts.set('/e2ee/groupworker.js', (text) =>
      replaceOnce(
        text,
        real,
        `let ahead = 0;
         scope.addEventListener('message', (event) => { ahead += event.data.ahead ?? 0; });
         const now = () => performance.now() + ahead;`,
      ),
    );
  }

  /** Says something to the page that the server did not say. @param {any} message */
  tell(message) {
    for (const { browser } of this.#lines) browser.write(frameOf(Buffer.from(JSON.stringify(message)), false));
  }

  /** Says something to the server that the page did not say, or not now. @param {any} message */
  ask(message) {
    for (const { server } of this.#lines) server.write(frameOf(Buffer.from(JSON.stringify(message)), true));
  }

  /** @param {import('node:stream').Duplex} browser @param {net.Socket} server */
  #join(browser, server) {
    const line = { browser, server };
    this.#lines.add(line);
    browser.on('close', () => this.#lines.delete(line));
    const down = new Frames((message) => {
      if (message.type === 'welcome') this.participant = message.participant;
      if (message.type === 'log') this.position = message.entries.at(-1)?.position ?? this.position;
      return this.tamper(message, 'down');
    }, false);
    const up = new Frames((message) => this.tamper(message, 'up'), true);
    let answered = false;
    let answer = Buffer.alloc(0);
    server.on('data', (/** @type {Buffer} */ data) => {
      if (answered) return void browser.write(down.take(data));
      answer = Buffer.concat([answer, data]);
      const end = answer.indexOf('\r\n\r\n') + 4;
      if (end < 4) return;
      answered = true;
      browser.write(answer.subarray(0, end));
      browser.write(down.take(answer.subarray(end)));
    });
    browser.on('data', (/** @type {Buffer} */ data) => {
      server.write(up.take(data));
    });
  }

  stop() {
    for (const socket of this.#open) socket.destroy();
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

/**
 * The frames of one direction of a WebSocket (RFC 6455 §5.2), texts of which may be changed. The server neither
 * compresses nor fragments.
 */
class Frames {
  #rest = Buffer.alloc(0);

  /** @param {(message: any) => any} change @param {boolean} masked */
  constructor(change, masked) {
    this.change = change;
    this.masked = masked;
  }

  /** @param {Buffer} data @returns {Buffer} what is to be passed on now */
  take(data) {
    this.#rest = Buffer.concat([this.#rest, data]);
    const out = [];
    for (let frame = this.#next(); frame; frame = this.#next()) out.push(frame);
    return Buffer.concat(out);
  }

  /** @returns {Buffer | null} */
  #next() {
    const all = this.#rest;
    if (all.length < 2) return null;
    const short = all[1] & 127;
    const head = 2 + (short === 126 ? 2 : short === 127 ? 8 : 0);
    if (all.length < head + 4) return short === 0 && !this.masked && all.length >= head ? this.#cut(head) : null;
    const length = short === 126 ? all.readUInt16BE(2) : short === 127 ? Number(all.readBigUInt64BE(2)) : short;
    const begin = head + (this.masked ? 4 : 0);
    if (all.length < begin + length) return null;
    const mask = this.masked ? all.subarray(head, begin) : Buffer.alloc(4);
    const whole = this.#cut(begin + length);
    const isText = (whole[0] & 15) === 1;
    if (!isText) return whole;
    const said = Buffer.from(whole.subarray(begin)).map((byte, i) => byte ^ mask[i % 4]);
    const message = this.change(JSON.parse(Buffer.from(said).toString()));
    return message === null ? Buffer.alloc(0) : frameOf(Buffer.from(JSON.stringify(message)), this.masked);
  }

  /** @param {number} n @returns {Buffer} */
  #cut(n) {
    const first = this.#rest.subarray(0, n);
    this.#rest = this.#rest.subarray(n);
    return first;
  }
}

/**
 * @param {Buffer} text @param {boolean} masked
 * @returns {Buffer} a frame of it, with a mask of zeros where there must be one
 */
function frameOf(text, masked) {
  const bit = masked ? 128 : 0;
  const head = Buffer.alloc(text.length < 126 ? 2 : text.length < 65_536 ? 4 : 10);
  head[0] = 0x81;
  if (head.length === 2) head[1] = bit | text.length;
  else if (head.length === 4) {
    head[1] = bit | 126;
    head.writeUInt16BE(text.length, 2);
  } else {
    head[1] = bit | 127;
    head.writeBigUInt64BE(BigInt(text.length), 2);
  }
  return Buffer.concat([head, Buffer.alloc(masked ? 4 : 0), text]);
}

/** @param {string} text @param {string} part @param {string} by @returns {string} */
export function replaceOnce(text, part, by) {
  if (text.split(part).length !== 2) throw new Error(`not once in the script: ${part}`);
  return text.replace(part, () => by);
}

/**
 * @param {http.IncomingMessage} answer @param {http.ServerResponse} response @param {(text: string) => string} change
 */
async function changed(answer, response, change) {
  const parts = [];
  for await (const part of answer) parts.push(part);
  const body = Buffer.from(change(Buffer.concat(parts).toString()));
  const headers = { ...answer.headers, 'content-length': String(body.length) };
  response.writeHead(answer.statusCode ?? 502, headers).end(body);
}
