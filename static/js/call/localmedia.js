// The person's own microphone, camera and screen: what is captured, and which of it is sent. It outlives the pre-join
// page, so that the preview's devices are the call's.
/** @import {Source} from '../core/types.js' */
/** @import {Store} from '../ui/store.js' */
import * as devices from '../media/devices.js';
import { measure } from '../media/level.js';
import { createStore } from '../ui/store.js';
import { choices, remember } from '../ui/settings.js';

/** How loud and how long a person talks into a muted microphone before the page says so. */
const TALKING_LEVEL = 0.5;
const TALKING_LOOKS = 6;
/**
 * A microphone that is on and gives less than this for so many looks (4 s) may be a silent one, which Safari hands
 * out at times.
 */
const SILENT_LEVEL = 0.12;
const SILENT_LOOKS = 60;

/**
 * @typedef {object} Local
 * @property {MediaStreamTrack|null} mic captured, sent only when micOn
 * @property {boolean} micOn
 * @property {MediaStreamTrack|null} camera captured exactly when it is on
 * @property {MediaStreamTrack|null} screen
 * @property {MediaStreamTrack|null} screenAudio
 * @property {'detail'|'motion'} screenHint what matters in it: sharp text, or smooth movement
 * @property {'mic'|'camera'|'screen'|''} busy being started
 * @property {number} level of the microphone, 0…1
 * @property {boolean} mutedTalking
 * @property {boolean} silent the microphone is on and nothing was heard of it for a while
 * @property {boolean} micInterrupted the system keeps it silent: a phone call, another program
 * @property {boolean} cameraInterrupted
 */

/**
 * @typedef {{send: (source: Source, track: MediaStreamTrack|null) => Promise<void>, changed: (sources: Source[]) =>
 *   void}} Outlet
 */

/** @returns {devices.Quality} of the picture that is captured; less where bandwidth is to be saved */
function wantedQuality() {
  const { quality, low } = choices();
  return low && quality === 'high' ? 'medium' : quality;
}

/** Errors of devices are thrown as DeviceError to the caller that switched them on. */
export class LocalMedia {
  /** @type {Store<Local>} */
  store = createStore(
    /** @type {Local} */ ({
      mic: null,
      micOn: false,
      camera: null,
      screen: null,
      screenAudio: null,
      screenHint: 'detail',
      busy: '',
      level: 0,
      mutedTalking: false,
      silent: false,
      micInterrupted: false,
      cameraInterrupted: false,
    }),
  );
  /** @type {Outlet|null} */
  #outlet = null;
  /** called when a device that is on goes away by itself. @type {(what: 'mic'|'camera', deviceId: string) => void} */
  onlost = () => {};
  #stopLevel = () => {};
  #loud = 0;
  #quiet = 0;
  /** counts how often what is on was taken away from here: what a person answers only then goes nowhere */
  #taken = 0;
  /** what is on is another call's until it comes back */
  #away = false;
  /** the microphone is on only while a key is held */
  held = false;

  /** @param {Partial<Local>} change */
  #set(change) {
    const now = this.store.get();
    const keys = /** @type {(keyof Local)[]} */ (Object.keys(change));
    if (keys.some((k) => now[k] !== change[k])) this.store.set({ ...now, ...change });
  }

  /** @param {Outlet} outlet where tracks go from now on */
  attach(outlet) {
    this.#outlet = outlet;
  }

  /** detach ends everything that is captured. */
  detach() {
    this.#outlet = null;
    this.#taken++;
    const { mic, camera, screen, screenAudio } = this.store.get();
    this.#stopLevel();
    for (const track of [mic, camera, screen, screenAudio]) track?.stop();
    this.#set({
      mic: null,
      micOn: false,
      camera: null,
      screen: null,
      screenAudio: null,
      level: 0,
      mutedTalking: false,
      micInterrupted: false,
      cameraInterrupted: false,
    });
  }

  /**
   * moveTo gives what is on to another call: nothing is captured anew. A shared screen is not for other eyes, and ends.
   * A microphone that is on while a key is held goes off: the key may go up elsewhere.
   * @param {LocalMedia} other with nothing on
   * @param {boolean} [on] false: what is on is switched off, because the person did not ask to be there
   */
  async moveTo(other, on = true) {
    const screen = this.setScreen(false);
    const { mic, micOn, camera } = this.store.get();
    const [heard, seen] = [on && micOn && !this.held, on];
    this.#taken++;
    this.#away = true;
    this.held = false;
    other.#away = false;
    this.#stopLevel();
    if (!heard) mic?.stop();
    if (!seen) camera?.stop();
    this.#set({
      mic: null,
      micOn: false,
      camera: null,
      level: 0,
      mutedTalking: false,
      silent: false,
      micInterrupted: false,
      cameraInterrupted: false,
    });
    this.#changed();
    await Promise.all([screen, this.#send('mic', null), this.#send('camera', null)]);
    if (mic && heard) await other.#useMic(mic);
    if (camera && seen) await other.#useCamera(camera);
  }

  /** @returns {Source[]} what is switched on */
  sources() {
    return [...this.sending().keys()];
  }

  /** @returns {Map<Source, MediaStreamTrack>} */
  sending() {
    const { mic, micOn, camera, screen, screenAudio } = this.store.get();
    /** @type {Map<Source, MediaStreamTrack>} */
    const out = new Map();
    if (mic && micOn) out.set('mic', mic);
    if (camera) out.set('camera', camera);
    if (screen) out.set('screen', screen);
    if (screenAudio) out.set('screen_audio', screenAudio);
    return out;
  }

  #changed() {
    this.#outlet?.changed(this.sources());
  }

  /** @param {Source} source @param {MediaStreamTrack|null} track */
  async #send(source, track) {
    await this.#outlet?.send(source, track).catch(() => {});
  }

  /** @param {boolean} on @returns {Promise<void>} */
  async setMic(on) {
    const { mic, micOn, busy } = this.store.get();
    if (on === micOn || busy === 'mic' || (on && this.#away)) return;
    if (!on) {
      if (mic) mic.enabled = false;
      this.#set({ micOn: false, micInterrupted: false });
      this.#changed();
      await this.#send('mic', null);
      return;
    }
    const track = mic?.readyState === 'live' ? mic : await this.#open('mic', () => devices.microphone(choices().micId));
    if (!track) return;
    await this.#useMic(track);
  }

  /** @param {MediaStreamTrack} track */
  async #useMic(track) {
    const known = track === this.store.get().mic;
    track.enabled = true;
    this.#set({ mic: track, micOn: true, mutedTalking: false, micInterrupted: known && track.muted });
    if (!known) this.#watchMic(track);
    await this.#send('mic', track);
    this.#changed();
  }

  /** @param {MediaStreamTrack} track */
  async #useCamera(track) {
    track.onended = () => this.#lost('camera', track);
    this.#watchInterruption('camera', track);
    this.#set({ camera: track, cameraInterrupted: false });
    await this.#send('camera', track);
    this.#changed();
  }

  /**
   * both starts microphone and camera with one question to the person; devices that do not come together are tried
   * one by one.
   */
  async both() {
    const { mic, camera, busy } = this.store.get();
    if (mic || camera || busy || this.#away) return;
    const chosen = choices();
    const got = await this.#open('mic', () =>
      devices.microphoneAndCamera(chosen.micId, chosen.cameraId, wantedQuality()),
    );
    if (!got) return;
    await this.#useMic(got.mic);
    await this.#useCamera(got.camera);
  }

  /**
   * @param {'mic'|'camera'} what captures it again, by the person's act: after a phone call some systems give no
   *   sound otherwise
   */
  async restart(what) {
    const { mic } = this.store.get();
    if (what === 'mic' && mic) return this.choose('micId', choices().micId);
    if (what === 'camera') await this.setCamera(false);
    await (what === 'mic' ? this.setMic(true) : this.setCamera(true));
  }

  /**
   * A system that takes a device away for a while (Safari, for a phone call) mutes its track, and may or may not give
   * it back.
   * @param {'mic'|'camera'} what @param {MediaStreamTrack} track
   */
  #watchInterruption(what, track) {
    const key = what === 'mic' ? 'micInterrupted' : 'cameraInterrupted';
    const see = (/** @type {boolean} */ muted) => {
      if (this.store.get()[what] === track) {
        this.#set({ [key]: muted && (what === 'camera' || this.store.get().micOn) });
      }
    };
    track.onmute = () => see(true);
    track.onunmute = () => see(false);
  }

  /** @param {boolean} on @returns {Promise<void>} off means that the camera is released, and its light goes out */
  async setCamera(on) {
    const { camera, busy } = this.store.get();
    if (on === Boolean(camera) || busy === 'camera' || (on && this.#away)) return;
    if (!on) {
      this.#set({ camera: null, cameraInterrupted: false });
      camera?.stop();
      this.#changed();
      await this.#send('camera', null);
      return;
    }
    const track = await this.#open('camera', () => devices.camera(choices().cameraId, wantedQuality()));
    if (!track) return;
    await this.#useCamera(track);
  }

  /** @param {devices.Quality} quality of one's picture: of the one that is sent now, too */
  setQuality(quality) {
    remember({ quality });
    const { camera } = this.store.get();
    if (camera) void devices.resize(camera, wantedQuality());
  }

  /**
   * @param {'mic'|'camera'} what @param {import('../media/effects.js').Effect} effect
   * @param {boolean} on a device is captured anew: not every browser changes what it does with one that runs
   */
  async setEffect(what, effect, on) {
    remember({ [effect]: on });
    const chosen = choices();
    await this.choose(`${what}Id`, what === 'mic' ? chosen.micId : chosen.cameraId);
  }

  /** @param {boolean} on @returns {Promise<void>} */
  async setScreen(on) {
    const { screen, screenAudio, busy } = this.store.get();
    if (on === Boolean(screen) || busy === 'screen' || (on && this.#away)) return;
    if (!on) {
      this.#set({ screen: null, screenAudio: null });
      screen?.stop();
      screenAudio?.stop();
      this.#changed();
      await Promise.all([this.#send('screen', null), this.#send('screen_audio', null)]);
      return;
    }
    const shared = await this.#open('screen', () => devices.screen());
    if (!shared) return;
    shared.video.onended = () => void this.setScreen(false);
    shared.video.contentHint = this.store.get().screenHint;
    this.#set({ screen: shared.video, screenAudio: shared.audio });
    await Promise.all([this.#send('screen', shared.video), this.#send('screen_audio', shared.audio)]);
    this.#changed();
  }

  /** @param {'detail'|'motion'} hint takes effect at once, and for what is shared later */
  setScreenHint(hint) {
    const { screen } = this.store.get();
    if (screen) screen.contentHint = hint;
    this.#set({ screenHint: hint });
  }

  /**
   * @template T @param {'mic'|'camera'|'screen'} what @param {() => Promise<T>} open
   * @returns {Promise<T|null>} null: meanwhile everything was taken away from here, and this is stopped, too
   */
  async #open(what, open) {
    this.#set({ busy: what });
    const taken = this.#taken;
    try {
      const got = await open();
      if (taken === this.#taken) return got;
      const tracks = got instanceof MediaStreamTrack ? [got] : Object.values(got ?? {});
      for (const track of tracks) track?.stop();
      return null;
    } finally {
      this.#set({ busy: '' });
    }
  }

  /**
   * @param {'micId'|'cameraId'} which
   * @param {string} id switches to another device without a gap in the other's sending
   */
  async choose(which, id) {
    remember({ [which]: id });
    if (which === 'cameraId' && this.store.get().camera) {
      await this.setCamera(false);
      await this.setCamera(true);
    }
    const { mic, micOn } = this.store.get();
    if (which !== 'micId' || !mic) return;
    mic.onended = null;
    mic.stop();
    this.#stopLevel();
    this.#set({ mic: null, micOn: false });
    if (micOn) return this.setMic(true);
    const track = await this.#open('mic', () => devices.microphone(id));
    if (!track) return;
    track.enabled = false; // one who is muted is not heard for a moment either
    this.#set({ mic: track });
    this.#watchMic(track);
  }

  /** @param {MediaStreamTrack} track */
  #watchMic(track) {
    track.onended = () => this.#lost('mic', track);
    this.#watchInterruption('mic', track);
    this.#quiet = 0;
    this.#stopLevel();
    this.#stopLevel = measure(track, (level) => {
      const { micOn, mutedTalking } = this.store.get();
      this.#loud = !micOn && level > TALKING_LEVEL ? this.#loud + 1 : 0;
      const talking = !micOn && (this.#loud >= TALKING_LOOKS || (mutedTalking && level > TALKING_LEVEL / 2));
      this.#quiet = micOn && level < SILENT_LEVEL ? this.#quiet + 1 : 0;
      this.#set({
        level: micOn ? Math.round(level * 20) / 20 : 0,
        mutedTalking: talking,
        silent: this.#quiet >= SILENT_LOOKS,
      });
    });
  }

  /** @param {'mic'|'camera'} what @param {MediaStreamTrack} track */
  #lost(what, track) {
    if (this.store.get()[what] !== track) return; // we stopped it ourselves
    const on = what === 'camera' || this.store.get().micOn;
    if (what === 'mic') {
      this.#stopLevel();
      this.#set({ mic: null, micOn: false, level: 0, micInterrupted: false });
    } else {
      this.#set({ camera: null, cameraInterrupted: false });
    }
    void this.#send(what, null);
    this.#changed();
    if (on) this.onlost(what, track.getSettings().deviceId ?? '');
  }

  /** @param {readonly Source[]} sources switches these off, by a host's act */
  stop(sources) {
    if (sources.includes('mic')) void this.setMic(false);
    if (sources.includes('camera')) void this.setCamera(false);
    if (sources.includes('screen') || sources.includes('screen_audio')) void this.setScreen(false);
  }

  /** @param {readonly Source[]} sources switches everything else off */
  keep(sources) {
    this.stop(this.sources().filter((s) => !sources.includes(s)));
  }
}
