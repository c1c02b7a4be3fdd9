// What people in a meeting see and hear on a bad network: browsers at one end of a line with delay, jitter, loss and a
// width, the server at the other end. One table: what was connected anew, what froze, how many lines the pictures have,
// key frames asked for (PLIs), what of the sound was made up, and the time to recover.
//
//   tests/browser/isolated node tests/browser/measure/calm.js                       # all of it: an hour
//   tests/browser/isolated node tests/browser/measure/calm.js --kinds chromium --people 2 --loss 3 --seconds 20
//   … --binary old/conclave     # a second table with another build, its own page included
//
// --loss is in percent in each direction, --delay in ms each way, --kbit the width of the way to the browsers. Of more
// than three people, two are browsers and the others are bots beside the server. --cut pulls the cable for so many
// seconds at the end. --json prints one line for each person instead. --check fails when something was connected anew
// or said so, or when more than one key frame was asked for in 2 s: what freezes depends on the machine, too.
import { parseArgs } from 'node:util';
import { startBots } from '../harness/bots.js';
import { launch } from '../harness/browsers.js';
import { Line } from '../harness/line.js';
import { countReceived, installLossProbe, lossSeen } from '../harness/loss.js';
import { Person } from '../harness/person.js';
import { Server, useBinary } from '../harness/server.js';
import { sleep, until } from '../harness/wait.js';

const { values } = parseArgs({
  options: {
    kinds: { type: 'string', default: 'chromium,firefox' },
    people: { type: 'string', default: '2,3,9' },
    loss: { type: 'string', default: '0,3,5,10' },
    delay: { type: 'string', default: '25' },
    jitter: { type: 'string', default: '0' },
    burst: { type: 'string', default: '0' },
    kbit: { type: 'string', default: '0' },
    seconds: { type: 'string', default: '60' },
    cut: { type: 'string', default: '5' },
    plain: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    check: { type: 'boolean', default: false },
    binary: { type: 'string' },
    seed: { type: 'string', default: '1' },
  },
});
const seconds = Number(values.seconds);
/** @param {string} list */
const numbers = (list) => list.split(',').map(Number);

/**
 * @typedef {object} Row of the table: one person in one condition
 * @property {string} who @property {number} people @property {number} loss @property {number} delay
 * @property {number} kbit @property {number} restarts @property {number} told
 * @property {number} freezes @property {number} frozenMs @property {number} plis @property {number} fps
 * @property {number} height @property {number} streams @property {number} received kbit/s
 * @property {number} concealed percent @property {number} audioDelay ms in the jitter buffer
 * @property {string} recovered
 */

/** A meeting of browsers and bots over a line. */
class Meeting {
  /** @type {Person[]} */
  people = [];

  /**
   * @param {import('../harness/browsers.js').Kind} kind
   * @param {number} size
   */
  constructor(kind, size) {
    this.kind = kind;
    this.size = size;
  }

  async begin() {
    this.line = await Line.open({ delay_ms: 5 }, { seed: Number(values.seed) });
    this.server = await Server.start(`calm-${this.kind}-${this.size}`, [], { line: this.line });
    this.browser = await launch(this.kind);
    let path = '/';
    for (const name of ['Ana', 'Ben', 'Cem'].slice(0, this.size > 3 ? 2 : this.size)) {
      const person = await Person.arrive(this.browser, this.server, name, {
        path,
        viewport: { width: 1280, height: 720 },
      });
      await person.context.addInitScript(installLossProbe);
      await person.page.reload();
      await person.signIn();
      if (path === '/') await person.createMeeting({ lobby: false, e2ee: !values.plain });
      path = person.link();
      await person.join({ mic: true, camera: true });
      this.people.push(person);
    }
    if (this.size > 3) {
      this.bots = await startBots(this.server, this.server.url + path, {
        count: this.size - 2,
        seconds: 3600,
        name: `calm-${this.kind}`,
        args: ['--view', '1', '--slots-video', '1', '--slots-audio', '1'],
      });
    }
    for (const person of this.people) await this.sees(person);
    await sleep(5000);
  }

  /** @param {Person} person */
  async sees(person) {
    await until(`${person.name} sees`, async () =>
      (await person.frameRates(500)).some((rate) => !rate.self && rate.decoded > 1),
    );
  }

  /** @param {Person} person */
  async look(person) {
    const [seen, received] = await Promise.all([lossSeen(person), person.page.evaluate(countReceived)]);
    return { ...seen, ...received };
  }

  /**
   * What everyone sees under a condition, after a time to settle.
   * @param {{loss: number, delay: number, kbit: number}} condition
   * @returns {Promise<Row[]>}
   */
  async measure({ loss, delay, kbit }) {
    const both = { delay_ms: delay, jitter_ms: Number(values.jitter), loss, burst: Number(values.burst) };
    await this.line?.change({ both, ...(kbit ? { to_near: { ...both, kbit, queue_ms: 600 } } : {}) });
    await sleep(3000);
    const before = await Promise.all(this.people.map((person) => this.look(person)));
    await sleep(seconds * 1000);
    const after = await Promise.all(this.people.map((person) => this.look(person)));
    const recovered = Number(values.cut) ? await this.cut(both) : [];
    await this.line?.change({ both: { delay_ms: 5 } });
    await sleep(3000);
    return this.people.map((person, i) => {
      const [a, b] = [before[i], after[i]];
      const part = (/** @type {number} */ n, /** @type {number} */ of) => (of > 0 ? n / of : NaN);
      return {
        who: `${this.kind} ${person.name}`,
        people: this.size,
        loss,
        delay,
        kbit,
        restarts: b.restarts - a.restarts,
        told: b.told - a.told,
        freezes: b.freezes - a.freezes,
        frozenMs: Math.round(b.frozenMs - a.frozenMs),
        plis: b.plis - a.plis,
        fps: (b.frames - a.frames) / seconds,
        height: b.height,
        streams: b.streams,
        received: ((b.bytes - a.bytes) * 8) / 1000 / seconds,
        concealed: 100 * part(b.concealed - a.concealed, b.samples - a.samples),
        audioDelay: part(b.jitterMs - a.jitterMs, b.emitted - a.emitted),
        recovered: recovered[i] ?? '',
      };
    });
  }

  /**
   * Pulls the cable and puts it back.
   * @param {import('../harness/line.js').Conditions} both
   * @returns {Promise<string[]>} after how many ms sound and picture came back, for each person
   */
  async cut(both) {
    await this.line?.change({ both: { ...both, loss: 100 } });
    await sleep(Number(values.cut) * 1000);
    const before = await Promise.all(this.people.map((person) => person.page.evaluate(countReceived)));
    const started = Date.now();
    await this.line?.change({ both });
    return Promise.all(
      this.people.map(async (person, i) => {
        /** @param {'audioPackets' | 'frames'} what */
        const back = async (what) => {
          const more = async () => (await person.page.evaluate(countReceived))[what] > before[i][what];
          return until(`${what} of ${person.name}`, more, 30_000).then(
            () => `${Date.now() - started}`,
            () => 'never',
          );
        };
        return (await Promise.all([back('audioPackets'), back('frames')])).join(', ');
      }),
    );
  }

  async end() {
    this.bots?.stop();
    await this.browser?.close();
    await this.server?.stop();
    await this.line?.close();
  }
}

/** @param {Row[]} rows */
function table(rows) {
  const head = [
    ['who', 'people', 'loss', 'delay', 'restarts', 'told', 'freezes', 'PLIs', 'pictures', 'kbit/s', 'concealed'],
    ['sound waits', 'sound, picture back after'],
  ].flat();
  const cells = rows.map((r) => [
    r.who,
    r.people,
    `${r.loss} %`,
    `${r.delay} ms${r.kbit ? `, ${r.kbit} kbit/s` : ''}`,
    r.restarts,
    r.told,
    `${r.freezes}: ${r.frozenMs} ms`,
    `${r.plis} (${((2 * r.plis) / seconds).toFixed(2)} in 2 s)`,
    `${r.streams}, ${r.height} lines, ${r.fps.toFixed(0)} frames/s`,
    r.received.toFixed(0),
    `${r.concealed.toFixed(2)} %`,
    `${r.audioDelay.toFixed(0)} ms`,
    r.recovered && `${r.recovered} ms`,
  ]);
  return [head, head.map(() => '---'), ...cells].map((line) => `| ${line.join(' | ')} |`).join('\n');
}

/** @param {string | undefined} binary */
async function all(binary) {
  useBinary(binary);
  /** @type {Row[]} */
  const rows = [];
  for (const kind of /** @type {import('../harness/browsers.js').Kind[]} */ (values.kinds.split(','))) {
    for (const size of numbers(values.people)) {
      const meeting = new Meeting(kind, size);
      try {
        await meeting.begin();
        for (const delay of numbers(values.delay)) {
          for (const kbit of numbers(values.kbit)) {
            for (const loss of numbers(values.loss)) {
              const found = await meeting.measure({ loss, delay, kbit });
              if (values.json) for (const row of found) console.log(JSON.stringify(row));
              rows.push(...found);
            }
          }
        }
      } finally {
        await meeting.end();
      }
    }
  }
  return rows;
}

for (const binary of values.binary ? [undefined, values.binary] : [undefined]) {
  const rows = await all(binary);
  if (!values.json) console.log(`\n${binary ?? 'this build'}\n\n${table(rows)}`);
  const alarms = rows.filter((r) => r.restarts > 0 || r.told > 0 || r.plis > Math.max(2, seconds / 2));
  if (values.check && alarms.length > 0) {
    console.log(`alarms for ${alarms.map((r) => `${r.who} at ${r.loss} %`).join(', ')}`);
    process.exitCode = 1;
  }
}
process.exit(); // a browser or bots that were slow to end may have left something open
