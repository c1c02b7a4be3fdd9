// A Chromium in a meeting, for `bench bandwidth`: told what to do by one line of JSON on its standard input, it says
// on its standard output ten times a second what it receives and sends, and ends after its time or with its standard
// input.
import net from 'node:net';
import { createInterface } from 'node:readline';
import { launch } from '../harness/browsers.js';
import { Person } from '../harness/person.js';
import { sleep, until } from '../harness/wait.js';

/**
 * @typedef {{server: string, meeting: string, seconds: number, publish: boolean, width: number, height: number}}
 *   Config
 */

const lines = createInterface({ input: process.stdin });
/** @type {Config} */
const config = JSON.parse(
  await new Promise((resolve) => {
    lines.once('line', resolve);
  }),
);
lines.once('close', () => process.exit(0));

// Browsers give a page its devices on https and on loopback only: the server is made to look as if it were here.
const [host, port] = config.server.split(':');
const relay = net.createServer((near) => {
  const far = net.connect(Number(port), host);
  near.pipe(far).pipe(near);
  near.on('error', () => far.destroy());
  far.on('error', () => near.destroy());
});
relay.listen(Number(port), '127.0.0.1');
const server = {
  url: `http://127.0.0.1:${port}`,
  code: () =>
    until('a code', async () => (await (await fetch(`http://127.0.0.1:${port}/bench/code`)).text()) || undefined),
};

/** What is received and sent. Runs in the page. */
async function look() {
  /** @type {import('../harness/hooks.js').Probe} */
  const probe = Reflect.get(window, 'conclaveProbe');
  const out = {
    bytes: 0,
    freezes: 0,
    /** @type {{participant: number, height: number, frames: number, frozen: number}[]} */ streams: [],
    /** @type {{rid: string, active: boolean, frames: number, bytes: number}[]} */ sent: [],
  };
  for (const connection of probe.connections) {
    if (connection.connectionState === 'closed') continue;
    (await connection.getStats()).forEach((s) => {
      if (s.type === 'inbound-rtp') out.bytes += s.bytesReceived + s.headerBytesReceived;
      if (s.type === 'inbound-rtp' && s.kind === 'video' && s.framesDecoded) {
        out.freezes += s.freezeCount;
        out.streams.push({
          participant: Number(s.mid),
          height: s.frameHeight ?? 0,
          frames: s.framesDecoded,
          frozen: s.totalFreezesDuration * 1000,
        });
      }
      if (s.type === 'outbound-rtp' && s.kind === 'video') {
        out.sent.push({ rid: s.rid ?? '', active: s.active ?? true, frames: s.framesEncoded ?? 0, bytes: s.bytesSent });
      }
    });
  }
  return out;
}

const browser = await launch('chromium');
try {
  const name = config.publish ? 'Pia' : 'Vera';
  // @ts-expect-error: of a server a person needs these two alone
  const person = await Person.arrive(browser, server, name, {
    path: `/m/${config.meeting}`,
    viewport: { width: config.width, height: config.height },
  });
  await person.signIn();
  await person.join({ mic: config.publish, camera: config.publish });
  const end = Date.now() + config.seconds * 1000;
  /** @type {Map<number, number>} */
  const frozen = new Map();
  /** @type {Map<number, {frames: number, at: number}>} */
  const shown = new Map();
  while (Date.now() < end) {
    const next = Date.now() + 100;
    const seen = await person.page.evaluate(look);
    const at = Date.now();
    const streams = seen.streams
      .map(({ participant, height, frames, frozen: total }) => {
        const freeze = total - (frozen.get(participant) ?? total);
        frozen.set(participant, total);
        return { participant, height, frames, freeze_ms: freeze };
      })
      .filter(({ participant, frames }) => {
        // a slot that carries nothing keeps its statistics
        const last = shown.get(participant);
        if (!last || frames > last.frames) shown.set(participant, { frames, at });
        return !last || at - (shown.get(participant)?.at ?? 0) < 3000;
      });
    const { bytes, freezes, sent } = seen;
    process.stdout.write(`${JSON.stringify({ at_ms: at, bytes, freezes, streams, withheld: 0, sent })}\n`);
    await sleep(Math.max(0, next - Date.now()));
  }
} finally {
  await browser.close();
  relay.close();
}
process.exit(0);
