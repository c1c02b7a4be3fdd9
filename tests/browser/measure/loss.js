// What random loss does to people in a meeting: how often media was connected anew, what the person was told, what
// was seen and heard. Needs nftables, and root in its network namespace:
//
//   tests/browser/isolated node tests/browser/measure/loss.js --kind firefox --loss 30 --seconds 45
//
// --loss is in packets of UDP of a thousand, in each direction. --hook says where they are lost: on the way in, where
// no error is seen, or on the way out, where sending fails: Firefox then calls the connection "disconnected". One line
// of JSON for each person.
import { parseArgs } from 'node:util';
import { launch } from '../harness/browsers.js';
import { installLossProbe, lose } from '../harness/loss.js';
import { Person } from '../harness/person.js';
import { Server } from '../harness/server.js';
import { sleep, until } from '../harness/wait.js';

const { values } = parseArgs({
  options: {
    kind: { type: 'string', default: 'firefox' },
    loss: { type: 'string', default: '30' },
    seconds: { type: 'string', default: '45' },
    hook: { type: 'string', default: 'output' },
    plain: { type: 'boolean', default: false },
  },
});
const kind = /** @type {import('../harness/browsers.js').Kind} */ (values.kind);

/** Adds up what the browser counted of what it received. Runs in the page. */
async function received() {
  const { connections } = /** @type {import('../harness/hooks.js').Probe} */ (Reflect.get(window, 'conclaveProbe'));
  const out = {
    frames: 0,
    height: 0,
    freezes: 0,
    frozenMs: 0,
    samples: 0,
    concealed: 0,
    connections: connections.length,
  };
  for (const connection of connections) {
    if (connection.connectionState === 'closed') continue;
    (await connection.getStats()).forEach((s) => {
      if (s.type !== 'inbound-rtp') return;
      if (s.kind === 'video') {
        out.frames += s.framesDecoded ?? 0;
        out.height = Math.max(out.height, s.frameHeight ?? 0);
        out.freezes += s.freezeCount ?? 0;
        out.frozenMs += (s.totalFreezesDuration ?? 0) * 1000;
      } else {
        out.samples += s.totalSamplesReceived ?? 0;
        out.concealed += s.concealedSamples ?? 0;
      }
    });
  }
  return { ...out, probe: structuredClone(Reflect.get(window, 'lossProbe')) };
}

const server = await Server.start('loss');
const browsers = await Promise.all([launch(kind), launch(kind)]);
try {
  const people = [];
  let path = '/';
  for (const [i, name] of ['Ana', 'Ben'].entries()) {
    const person = await Person.arrive(browsers[i], server, name, { path, viewport: { width: 1280, height: 720 } });
    await person.context.addInitScript(installLossProbe);
    await person.page.reload();
    await person.signIn();
    if (i === 0) await person.createMeeting({ lobby: false, e2ee: !values.plain });
    path = person.link();
    await person.join({ mic: true, camera: true });
    people.push(person);
  }
  for (const person of people) {
    await until(`${person.name} sees`, async () =>
      (await person.frameRates(500)).some((r) => !r.self && r.decoded > 1),
    );
  }
  await sleep(3000);
  lose(Number(values.loss), values.hook === 'input' ? 'input' : 'output');
  const before = await Promise.all(people.map((p) => p.page.evaluate(received)));
  await sleep(Number(values.seconds) * 1000);
  const after = await Promise.all(people.map((p) => p.page.evaluate(received)));
  lose(0);
  for (const [i, person] of people.entries()) {
    const [a, b] = [before[i], after[i]];
    const samples = b.samples - a.samples;
    const result = {
      kind,
      hook: values.hook,
      permille: Number(values.loss),
      seconds: Number(values.seconds),
      name: person.name,
      restarts: b.probe.restarts - a.probe.restarts,
      connections: b.connections - a.connections,
      told: b.probe.told - a.probe.told,
      told_ms: b.probe.toldMs - a.probe.toldMs,
      no_bars_ms: b.probe.barsMs - a.probe.barsMs,
      disconnected_ms: (b.probe.states.disconnected ?? 0) - (a.probe.states.disconnected ?? 0),
      fps: Number(((b.frames - a.frames) / Number(values.seconds)).toFixed(1)),
      height: b.height,
      freezes: b.freezes - a.freezes,
      frozen_ms: Math.round(b.frozenMs - a.frozenMs),
      concealed_percent: samples ? Number(((100 * (b.concealed - a.concealed)) / samples).toFixed(1)) : null,
    };
    console.log(JSON.stringify(result));
  }
} finally {
  await Promise.all(browsers.map((b) => b.close()));
  await server.stop();
}
