// Camera, microphone and screen. Everything here is called by a person's own act, never by itself.

import { choices } from '../ui/settings.js';

/** What went wrong with a device, as a key of the catalogue. */
export class DeviceError extends Error {
  /** @param {'denied'|'missing'|'busy'|'failed'|'insecure'} why @param {'mic'|'camera'|'screen'} what */
  constructor(why, what) {
    super(`${what}: ${why}`);
    this.why = why;
    this.what = what;
  }

  /** @returns {any} the catalogue's key */
  get key() {
    if (this.what === 'screen') return this.why === 'denied' ? 'device.denied.screen' : 'device.failed';
    return this.why === 'failed'
      ? 'device.failed'
      : this.why === 'insecure'
        ? 'device.insecure'
        : `device.${this.why}.${this.what}`;
  }
}

/** @param {unknown} err @param {'mic'|'camera'|'screen'} what @returns {DeviceError} */
function explain(err, what) {
  const name = err instanceof Error ? err.name : '';
  if (name === 'NotAllowedError' || name === 'SecurityError') return new DeviceError('denied', what);
  if (name === 'NotFoundError' || name === 'OverconstrainedError') return new DeviceError('missing', what);
  if (name === 'NotReadableError' || name === 'AbortError') return new DeviceError('busy', what);
  return new DeviceError('failed', what);
}

/** @param {'mic'|'camera'} what @param {MediaStreamConstraints} constraints @returns {Promise<MediaStream>} */
async function capture(what, constraints) {
  if (!navigator.mediaDevices?.getUserMedia) throw new DeviceError('insecure', what);
  try {
    return await navigator.mediaDevices.getUserMedia(constraints);
  } catch (err) {
    throw explain(err, what);
  }
}

/** @param {string} id the device named, or another if it is gone @returns {MediaTrackConstraints} */
const soundOf = (id) => ({
  ...(id ? { deviceId: { ideal: id } } : {}),
  ...treated('noiseSuppression', 'echoCancellation', 'voiceIsolation'),
  autoGainControl: true,
});

/** @param {...import('./effects.js').Effect} effects @returns {MediaTrackConstraints} as the person chose them */
const treated = (...effects) => Object.fromEntries(effects.map((effect) => [effect, choices()[effect]]));

/** How many lines a picture of each quality has. */
const LINES = { high: 720, medium: 360, low: 180 };

/** @typedef {keyof typeof LINES} Quality */

/** @param {Quality} quality @returns {MediaTrackConstraints} 16 to 9 */
const sizeOf = (quality) => ({
  width: { ideal: (LINES[quality] * 16) / 9 },
  height: { ideal: LINES[quality] },
  frameRate: { ideal: 30, max: 30 },
});

/** @param {string} id @param {Quality} quality @returns {MediaTrackConstraints} */
const pictureOf = (id, quality) => ({
  ...(id ? { deviceId: { ideal: id } } : { facingMode: 'user' }),
  ...sizeOf(quality),
  ...treated('backgroundBlur'),
});

/** @param {MediaStreamTrack} track of a camera @param {Quality} quality from now on, where the camera has it */
export const resize = (track, quality) =>
  track.applyConstraints({ ...sizeOf(quality), ...treated('backgroundBlur') }).catch(() => {});

/** @param {MediaStreamTrack} track @returns {MediaStreamTrack} */
function moving(track) {
  track.contentHint = 'motion';
  return track;
}

/** @param {string} id @returns {Promise<MediaStreamTrack>} */
export const microphone = async (id) => (await capture('mic', { audio: soundOf(id) })).getAudioTracks()[0];

/** @param {string} id @param {Quality} quality @returns {Promise<MediaStreamTrack>} */
export const camera = async (id, quality) =>
  moving((await capture('camera', { video: pictureOf(id, quality) })).getVideoTracks()[0]);

/**
 * microphoneAndCamera asks for both at once, so that the person is asked once.
 * @param {string} micId
 * @param {string} cameraId
 * @param {Quality} quality
 * @returns {Promise<{mic: MediaStreamTrack, camera: MediaStreamTrack}>}
 */
export async function microphoneAndCamera(micId, cameraId, quality) {
  const stream = await capture('mic', { audio: soundOf(micId), video: pictureOf(cameraId, quality) });
  return { mic: stream.getAudioTracks()[0], camera: moving(stream.getVideoTracks()[0]) };
}

/**
 * screen asks the person what to share; with its sound where the browser offers that.
 * @returns {Promise<{video: MediaStreamTrack, audio: MediaStreamTrack|null}|null>} null when the person changed their
 *   mind
 */
export async function screen() {
  if (!canShareScreen()) throw new DeviceError('failed', 'screen');
  /** @type {any} */
  const options = {
    video: { frameRate: { ideal: 15, max: 30 } },
    audio: {
      echoCancellation: false,
      noiseSuppression: false,
      autoGainControl: false,
      suppressLocalAudioPlayback: false,
    },
    systemAudio: 'include',
    surfaceSwitching: 'include',
    selfBrowserSurface: 'exclude',
  };
  try {
    const stream = await navigator.mediaDevices.getDisplayMedia(options);
    return { video: stream.getVideoTracks()[0], audio: stream.getAudioTracks()[0] ?? null };
  } catch (err) {
    // A cancelled picker and a refusal by the system have one name; only the latter says so in its text.
    if (err instanceof Error && err.name === 'NotAllowedError' && !/system/i.test(err.message)) return null;
    throw explain(err, 'screen');
  }
}

/** @returns {boolean} phones cannot */
export const canShareScreen = () => typeof navigator.mediaDevices?.getDisplayMedia === 'function';

/** @typedef {{id: string, label: string}} Device */

/** A window that is not in front is told of no device until it is (Firefox); nothing should wait for that. */
const LIST_MS = 700;

/**
 * list names what there is; names are empty until the person allowed the kind once. Where the browser takes its time,
 * the lists are empty at first, and onChange listeners are called when it has answered.
 * @returns {Promise<{mics: Device[], cameras: Device[], speakers: Device[]}>}
 */
export async function list() {
  const { mediaDevices } = navigator;
  let late = false;
  const asked = mediaDevices?.enumerateDevices?.().then((found) => {
    if (late) mediaDevices.dispatchEvent(new Event('devicechange'));
    return found;
  });
  const all = await Promise.race([
    asked ?? [],
    new Promise((resolve) => {
      setTimeout(() => {
        late = true;
        resolve([]);
      }, LIST_MS);
    }),
  ]);
  const of = (/** @type {MediaDeviceKind} */ kind) =>
    /** @type {MediaDeviceInfo[]} */ (all)
      .filter((d) => d.kind === kind && d.deviceId !== 'default' && d.deviceId !== 'communications')
      .map((d) => ({ id: d.deviceId, label: d.label }));
  return { mics: of('audioinput'), cameras: of('videoinput'), speakers: of('audiooutput') };
}

/** @param {() => void} see @returns {() => void} stops */
export function onChange(see) {
  navigator.mediaDevices?.addEventListener?.('devicechange', see);
  return () => navigator.mediaDevices?.removeEventListener?.('devicechange', see);
}

/** @returns {boolean} */
export const canChooseSpeaker = () => 'setSinkId' in HTMLMediaElement.prototype;
