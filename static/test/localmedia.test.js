import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { LocalMedia } from '../js/call/localmedia.js';

/** A device's track as the browser makes it, as far as it matters here. */
class FakeTrack {
  enabled = true;
  muted = false;
  readyState = 'live';
  onended = null;
  onmute = null;
  onunmute = null;
  constructor(kind) {
    this.kind = kind;
  }
  stop() {
    this.readyState = 'ended';
  }
  getSettings() {
    return { deviceId: `${this.kind}-1` };
  }
  clone() {
    return new FakeTrack(this.kind);
  }
  interrupt(muted) {
    this.muted = muted;
    (muted ? this.onmute : this.onunmute)?.();
  }
}

/** What was asked of the browser, and the tracks it gave. */
let asked = [];
let given = [];
let refuse = () => false;

beforeEach(() => {
  [asked, given, refuse] = [[], [], () => false];
  Object.defineProperty(globalThis, 'navigator', {
    configurable: true,
    value: {
      mediaDevices: {
        async getUserMedia(constraints) {
          asked.push(Object.keys(constraints).sort().join('+'));
          if (refuse(constraints)) throw Object.assign(new Error('refused'), { name: 'NotAllowedError' });
          const tracks = Object.keys(constraints).map((kind) => new FakeTrack(kind));
          given.push(...tracks);
          const of = (kind) => tracks.filter((x) => x.kind === kind);
          return { getAudioTracks: () => of('audio'), getVideoTracks: () => of('video'), getTracks: () => tracks };
        },
      },
    },
  });
});

const attached = () => {
  const local = new LocalMedia();
  const sent = [];
  const told = [];
  local.attach({
    send: async (source, track) => {
      sent.push([source, track?.kind ?? null]);
    },
    changed: (sources) => told.push(sources.join()),
  });
  return { local, sent, told };
};

test('before: camera and microphone are asked for with one question', async () => {
  const { local, told } = attached();
  await local.both();
  assert.deepEqual(asked, ['audio+video']);
  assert.equal(told.at(-1), 'mic,camera');
  await local.both();
  assert.equal(asked.length, 1, 'who has them is not asked again');
});

test('before: a refusal of both leaves nothing on, so that each can be tried by itself', async () => {
  const { local } = attached();
  refuse = (c) => c.audio && c.video;
  await assert.rejects(local.both());
  await local.setMic(true);
  assert.deepEqual(local.sources(), ['mic']);
});

test('mobile: a microphone that the system takes away is told, and starts again by a tap', async () => {
  const { local, sent } = attached();
  await local.setMic(true);
  const [first] = given;
  first.interrupt(true);
  assert.equal(local.store.get().micInterrupted, true);
  first.interrupt(false);
  assert.equal(local.store.get().micInterrupted, false, 'given back by the system');
  first.interrupt(true);
  await local.restart('mic');
  assert.equal(first.readyState, 'ended', 'Safari mutes the old track when another is captured: it is stopped first');
  assert.equal(local.store.get().micInterrupted, false);
  assert.equal(local.store.get().micOn, true);
  assert.deepEqual(sent.at(-1), ['mic', 'audio']);
  first.interrupt(true);
  assert.equal(local.store.get().micInterrupted, false, 'an old track says nothing any more');
});

test('mobile: a camera that the system takes away is told, and starts again', async () => {
  const { local } = attached();
  await local.setCamera(true);
  given[0].interrupt(true);
  assert.equal(local.store.get().cameraInterrupted, true);
  await local.restart('camera');
  assert.equal(local.store.get().cameraInterrupted, false);
  assert.deepEqual(local.sources(), ['camera']);
});

test('mobile: who is muted is not told that nobody hears them', async () => {
  const { local } = attached();
  await local.setMic(true);
  await local.setMic(false);
  given[0].interrupt(true);
  assert.equal(local.store.get().micInterrupted, false);
});

test('trouble: a device that is unplugged is told once, and can be started again', async () => {
  const { local, told } = attached();
  const lost = [];
  local.onlost = (what, id) => lost.push(`${what} ${id}`);
  await local.both();
  for (const track of given) track.onended();
  assert.deepEqual(lost, ['mic audio-1', 'camera video-1']);
  assert.equal(told.at(-1), '');
  await local.restart('mic');
  await local.restart('camera');
  assert.deepEqual(local.sources(), ['mic', 'camera']);
});

test('trouble: an unplugged microphone that was muted opens nothing, and nobody is asked', async () => {
  const { local } = attached();
  const lost = [];
  local.onlost = (what) => lost.push(what);
  await local.setMic(true);
  await local.setMic(false);
  given[0].onended();
  assert.deepEqual(lost, []);
  assert.equal(asked.length, 1);
  assert.deepEqual([local.store.get().mic, local.store.get().micOn], [null, false]);
});

test('before: camera off releases the camera, mute keeps the microphone', async () => {
  const { local, sent } = attached();
  await local.both();
  await local.setCamera(false);
  await local.setMic(false);
  assert.deepEqual(
    given.map((x) => x.readyState),
    ['live', 'ended'],
  );
  assert.deepEqual(sent.slice(-2), [
    ['camera', null],
    ['mic', null],
  ]);
  local.detach();
  assert.deepEqual(
    given.map((x) => x.readyState),
    ['ended', 'ended'],
  );
});

test('controls: a picture that is being sent changes its quality, too; less where bandwidth is saved', async () => {
  const kept = new Map();
  globalThis.localStorage = { getItem: (k) => kept.get(k) ?? null, setItem: (k, v) => kept.set(k, v) };
  const { local } = attached();
  await local.setCamera(true);
  const heights = [];
  given[0].applyConstraints = async (c) => void heights.push(c.height.ideal);
  local.setQuality('low');
  local.setQuality('high');
  kept.set('conclave.choices', JSON.stringify({ quality: 'high', low: true }));
  local.setQuality('high');
  await local.setCamera(false);
  local.setQuality('medium');
  assert.deepEqual(heights, [180, 720, 360]);
  delete globalThis.localStorage;
});

test('controls: an effect counts for what is captured from then on, and a device that is off stays off', async () => {
  const kept = new Map();
  globalThis.localStorage = { getItem: (k) => kept.get(k) ?? null, setItem: (k, v) => kept.set(k, v) };
  const { local } = attached();
  await local.setEffect('mic', 'noiseSuppression', false);
  assert.equal(asked.length, 0);
  await local.setMic(true);
  await local.setEffect('mic', 'noiseSuppression', true);
  assert.deepEqual(
    given.map((x) => x.readyState),
    ['ended', 'live'],
  );
  assert.deepEqual(local.sources(), ['mic']);
  delete globalThis.localStorage;
});
