// What loss does to sound: two people who both talk without a pause, browsers at one end of a line and the server at
// the other. One line for each listener: how much of what was heard had to be made up (concealed), how long sound
// waited in the jitter buffer, and what it took.
//
//   tests/browser/isolated node tests/browser/measure/sound.js                    # both browsers, 0 to 10 % of loss
//   tests/browser/isolated node tests/browser/measure/sound.js --kinds firefox --loss 5 --seconds 60
//   … --kinds chromium+firefox     # Ana in Chromium, Ben in Firefox
//   … --binary new/conclave,old/conclave     # builds, their own pages included, in turn
//
// --loss is in percent in each direction, --delay in ms each way, --burst how many packets are lost in a row on
// average. --dark loses all for so many ms every five seconds, on the way to the browsers. --kbit is how wide that way
// is, with a queue of --queue ms. --plain measures a meeting without end-to-end encryption, --camera one with pictures
// beside the sound. --without nack,fec keeps from the browsers that they may use these; given more than once,
// each is measured in turn. Needs Debian's ffmpeg.
import { execFileSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { launch } from '../harness/browsers.js';
import { Line } from '../harness/line.js';
import { Person } from '../harness/person.js';
import { Server, useBinary } from '../harness/server.js';
import { sleep, until } from '../harness/wait.js';

const { values } = parseArgs({
  options: {
    kinds: { type: 'string', default: 'chromium,firefox' },
    loss: { type: 'string', default: '0,5,10' },
    delay: { type: 'string', default: '25' },
    burst: { type: 'string', default: '0' },
    dark: { type: 'string', default: '0' },
    kbit: { type: 'string', default: '0' },
    queue: { type: 'string', default: '200' },
    seconds: { type: 'string', default: '60' },
    settle: { type: 'string', default: '20' },
    plain: { type: 'boolean', default: false },
    camera: { type: 'boolean', default: false },
    without: { type: 'string', multiple: true, default: [''] },
    binary: { type: 'string', default: '' },
    seed: { type: 'string', default: '1' },
  },
});

/**
 * Gives Chromium a microphone that hears someone read without a pause, instead of its beeps: Opus takes tones for music
 * and adds no forward error correction. Runs in the page.
 * @param {{speech: string, without: string[]}} options speech: a sound file in base64
 */
function installVoice({ speech, without }) {
  const { mediaDevices } = navigator;
  const real = mediaDevices.getUserMedia.bind(mediaDevices);
  const voice = async () => {
    const context = new AudioContext({ sampleRate: 48000 });
    const out = context.createMediaStreamDestination();
    const bytes = Uint8Array.from(atob(speech), (c) => c.charCodeAt(0));
    const buffer = await context.decodeAudioData(bytes.buffer);
    const source = new AudioBufferSourceNode(context, { buffer, loop: true });
    source.connect(out);
    source.start();
    return out.stream.getAudioTracks()[0];
  };
  mediaDevices.getUserMedia = async (constraints) => {
    const stream = await real(constraints);
    // Firefox's own is a tone that never pauses; what Web Audio plays into a stream is silent there without a device.
    if (navigator.userAgent.includes('Firefox')) return stream;
    for (const track of stream.getAudioTracks()) {
      stream.removeTrack(track);
      track.stop();
      stream.addTrack(await voice());
    }
    return stream;
  };
  // What the browser isn't told of, it doesn't do.
  const set = RTCPeerConnection.prototype.setRemoteDescription;
  RTCPeerConnection.prototype.setRemoteDescription = function (description) {
    let sdp = description.sdp ?? '';
    if (without.includes('nack')) sdp = sdp.replace(/^a=rtcp-fb:\d+ nack\r\n/gm, '');
    if (without.includes('fec')) sdp = sdp.replaceAll('useinbandfec=1', 'useinbandfec=0');
    return Reflect.apply(set, this, [{ type: description.type, sdp }]);
  };
}

/** @returns {string} ten seconds of speech, in base64 */
function read() {
  const text =
    'Anyone who reads a long sentence without a pause for breath lets the listener hear ' +
    'each gap that the network makes ' +
    'because every word leans on the one before and none of them can be guessed from silence';
  const args = ['-loglevel', 'error', '-f', 'lavfi', '-i', `flite=text='${text}':voice=slt`];
  const filter = ['-af', 'silenceremove=stop_periods=-1:stop_duration=0.05:stop_threshold=-40dB', '-ar', '48000'];
  return execFileSync('ffmpeg', [...args, ...filter, '-c:a', 'libopus', '-b:a', '64k', '-f', 'ogg', '-'], {
    maxBuffer: 1 << 24,
  }).toString('base64');
}

/** Adds up what the browser counted of sound. Runs in the page. */
async function heard() {
  const { connections } = /** @type {import('../harness/hooks.js').Probe} */ (Reflect.get(window, 'conclaveProbe'));
  const sum = { samples: 0, concealed: 0, events: 0, fec: 0, waited: 0, emitted: 0, packets: 0, lost: 0, nacks: 0 };
  const out = { ...sum, again: 0, fecAll: 0, fast: 0, slow: 0, bytes: 0, sent: 0, sentAgain: 0 };
  for (const connection of connections) {
    if (connection.connectionState === 'closed') continue;
    (await connection.getStats()).forEach((s) => {
      if (s.kind !== 'audio') return;
      if (s.type === 'outbound-rtp') {
        out.sent += (s.bytesSent ?? 0) + (s.headerBytesSent ?? 0);
        out.sentAgain += s.retransmittedPacketsSent ?? 0;
      }
      if (s.type !== 'inbound-rtp' || !s.packetsReceived) return;
      out.samples += s.totalSamplesReceived ?? 0;
      out.concealed += (s.concealedSamples ?? 0) - (s.silentConcealedSamples ?? 0);
      out.events += s.concealmentEvents ?? 0;
      out.fec += (s.fecPacketsReceived ?? 0) - (s.fecPacketsDiscarded ?? 0);
      out.fecAll += s.fecPacketsReceived ?? 0;
      out.waited += s.jitterBufferDelay ?? 0;
      out.emitted += s.jitterBufferEmittedCount ?? 0;
      out.packets += s.packetsReceived;
      out.lost += s.packetsLost ?? 0;
      out.nacks += s.nackCount ?? 0;
      out.again += s.retransmittedPacketsReceived ?? 0;
      out.fast += s.removedSamplesForAcceleration ?? 0;
      out.slow += s.insertedSamplesForDeceleration ?? 0;
      out.bytes += (s.bytesReceived ?? 0) + (s.headerBytesReceived ?? 0);
    });
  }
  return out;
}

/** @param {number} loss in percent */
function conditions(loss) {
  const both = { delay_ms: Number(values.delay), loss, burst: Number(values.burst) };
  const narrow = Number(values.kbit) ? { kbit: Number(values.kbit), queue_ms: Number(values.queue) } : {};
  const dark = Number(values.dark) ? { dark_every_ms: 5000, dark_ms: Number(values.dark) } : {};
  return { both, to_near: { ...both, ...narrow, ...dark } };
}

/**
 * @param {string} kinds one browser, or two joined by +
 * @param {{binary: string, without: string}} options
 */
async function measure(kinds, { binary, without }) {
  const [first, second = first] = /** @type {import('../harness/browsers.js').Kind[]} */ (kinds.split('+'));
  const prefs = { 'media.autoplay.block-webaudio': false, 'media.autoplay.blocking_policy': 0 };
  const line = await Line.open({ delay_ms: 5 }, { seed: Number(values.seed) });
  const server = await Server.start(`sound-${kinds}`, [], { line });
  const browsers = await Promise.all([launch(first, prefs), launch(second, prefs)]);
  try {
    /** @type {{person: Person, kind: string}[]} */
    const people = [];
    let path = '/';
    for (const [i, name] of ['Ana', 'Ben'].entries()) {
      const person = await Person.arrive(browsers[i], server, name, { path, viewport: { width: 1280, height: 720 } });
      await person.context.addInitScript(installVoice, { speech: words, without: without.split(',') });
      await person.page.reload();
      await person.signIn();
      if (i === 0) await person.createMeeting({ lobby: false, e2ee: !values.plain });
      path = person.link();
      await person.join({ mic: true, camera: values.camera });
      people.push({ person, kind: [first, second][i] });
    }
    const look = () => Promise.all(people.map(({ person }) => person.page.evaluate(heard)));
    await until('both are heard', async () => (await look()).every((h) => h.packets > 50));
    for (const loss of values.loss.split(',').map(Number)) {
      await line.change(conditions(loss));
      await sleep(Number(values.settle) * 1000);
      const before = await look();
      const carried = await line.change();
      await sleep(Number(values.seconds) * 1000);
      const after = await look();
      const now = await line.change();
      const kbit = (/** @type {number} */ bytes) => Math.round((bytes * 8) / 1000 / Number(values.seconds));
      for (const [i, { person, kind }] of people.entries()) {
        const d = /** @type {typeof after[0]} */ (
          Object.fromEntries(Object.entries(after[i]).map(([k, n]) => [k, n - Reflect.get(before[i], k)]))
        );
        console.log(
          JSON.stringify({
            kinds,
            listener: `${kind} ${person.name}`,
            plain: values.plain,
            ...(binary ? { binary } : {}),
            without,
            loss,
            concealed_percent: Number(((100 * d.concealed) / d.samples).toFixed(2)),
            events: d.events,
            delay_ms: Math.round((1000 * d.waited) / d.emitted),
            packets: d.packets,
            lost: d.lost,
            fec: d.fec,
            fec_received: d.fecAll,
            nacks: d.nacks,
            fast_percent: Number(((100 * d.fast) / d.samples).toFixed(2)),
            received_kbit: kbit(d.bytes),
            sent_kbit: kbit(d.sent),
            sent_again: d.sentAgain,
            line_to_near_kbit: kbit(now.to_near.bytes - carried.to_near.bytes),
            line_to_far_kbit: kbit(now.to_far.bytes - carried.to_far.bytes),
          }),
        );
      }
    }
  } finally {
    await Promise.all(browsers.map((b) => b.close()));
    await server.stop();
    await line.close();
  }
}

const words = read();
for (const binary of values.binary.split(',')) {
  useBinary(binary || undefined);
  for (const without of values.without) {
    for (const kinds of values.kinds.split(',')) await measure(kinds, { binary, without });
  }
}
