// Where received media plays: one <audio> for each audio slot, one <video> for each video slot, made once and moved
// between tiles. A video is shown only when the picture is known to be its owner's.
/** @import {ReceiveSlot} from './connection.js' */
import { h } from '../ui/dom.js';

/** After this long a picture is taken for the new owner's even if the browser does not tell whose it is. */
const TRUST_MS = 1200;

/**
 * @typedef {object} VideoSink
 * @property {HTMLVideoElement} el
 * @property {RTCRtpReceiver} receiver
 * @property {number} owner participant; 0 for none
 * @property {number} since ms (performance.now) since when it is the owner's
 * @property {boolean} clean the slot carried no one before, so any new frame is the owner's
 */

/** All elements that play what the server sends. */
export class Sinks {
  /** @type {Map<string, VideoSink>} */
  #videos = new Map();
  /** @type {Map<string, HTMLAudioElement>} */
  #audios = new Map();
  #hushed = false;
  /** @type {(blocked: boolean) => void} */
  #blocked;
  /** @type {() => void} */
  #firstFrame;
  #sawFrame = false;
  #sinkId = '';
  /** by mid; a slot may be given before it has its element @type {Map<string, number>} */
  #volumes = new Map();
  /** holds the audio elements, and videos no tile shows */
  pool = h('div', { class: 'media-pool', 'aria-hidden': 'true' });

  /**
   * @param {{blocked: (blocked: boolean) => void, firstFrame: () => void}} o blocked: the browser refuses to play
   *   sound without a click
   */
  constructor({ blocked, firstFrame }) {
    this.#blocked = blocked;
    this.#firstFrame = firstFrame;
  }

  /** @param {readonly ReceiveSlot[]} slots makes elements for new slots */
  ensure(slots) {
    for (const slot of slots) {
      if (slot.kind === 'audio' && !this.#audios.has(slot.mid)) this.#addAudio(slot);
      if (slot.kind === 'video' && !this.#videos.has(slot.mid)) this.#addVideo(slot);
    }
  }

  /** @param {ReceiveSlot} slot */
  #addAudio(slot) {
    const el = h('audio', { autoplay: true, 'data-mid': slot.mid, srcObject: new MediaStream([slot.receiver.track]) });
    el.muted = this.#hushed;
    this.#audios.set(slot.mid, el);
    el.volume = this.#volumes.get(slot.mid) ?? 1;
    this.pool.append(el);
    void this.#route(el);
    this.#play(el);
  }

  /** @param {ReceiveSlot} slot */
  #addVideo(slot) {
    const el = h('video', {
      autoplay: true,
      playsinline: true,
      muted: true,
      disablepictureinpicture: true,
      class: 'stale',
      'data-mid': slot.mid,
      tabindex: '-1',
      srcObject: new MediaStream([slot.receiver.track]),
    });
    el.addEventListener('resize', () => el.classList.toggle('upright', el.videoHeight > el.videoWidth));
    this.#videos.set(slot.mid, { el, receiver: slot.receiver, owner: 0, since: 0, clean: true });
    this.pool.append(el);
    this.#play(el);
  }

  /**
   * assign tells whose picture a slot carries from now on. The old picture is not shown as the new owner's.
   * @param {string} mid @param {number} participant @param {string} source
   */
  assign(mid, participant, source) {
    const sink = this.#videos.get(mid);
    if (!sink) return;
    const owner = participant * 2 + (source === 'screen' ? 1 : 0);
    if (sink.owner === owner) return;
    const clean = sink.owner === 0 && performance.now() - sink.since > 300;
    Object.assign(sink, { owner, since: performance.now(), clean });
    sink.el.classList.add('stale');
    if (participant > 0) this.#waitForFrame(sink, participant);
  }

  /** @param {VideoSink} sink @param {number} participant */
  #waitForFrame(sink, participant) {
    const { owner, since } = sink;
    const reveal = () => {
      sink.el.classList.remove('stale');
      sink.el.dispatchEvent(new Event('revealed'));
      if (!this.#sawFrame) {
        this.#sawFrame = true;
        this.#firstFrame();
      }
    };
    if (!('requestVideoFrameCallback' in sink.el)) return reveal();
    const check = () => {
      if (sink.owner !== owner || sink.since !== since) return; // re-assigned meanwhile
      if (sink.clean || performance.now() - since > TRUST_MS || isFrom(sink.receiver, participant, since)) reveal();
      else sink.el.requestVideoFrameCallback(check);
    };
    sink.el.requestVideoFrameCallback(check);
  }

  /** @param {string} mid @returns {HTMLVideoElement|null} */
  video(mid) {
    return this.#videos.get(mid)?.el ?? null;
  }

  /** park takes back the videos that no tile shows any more. @param {ReadonlySet<string>} used mids */
  park(used) {
    for (const [mid, { el }] of this.#videos) {
      if (!used.has(mid) && el.parentNode !== this.pool) this.pool.append(el);
      if (el.paused) this.#play(el); // Safari pauses what moves in the page
    }
  }

  /**
   * @param {HTMLMediaElement} el a phone that saves power plays not even silent pictures by itself; with nothing to
   *   play yet, autoplay does it
   */
  #play(el) {
    el.play().catch((err) => {
      if (err?.name === 'NotAllowedError') this.#blocked(true);
    });
  }

  /** unblock starts sound and pictures; call it from a click. */
  async unblock() {
    try {
      await Promise.all(
        [
          ...this.#audios.values(),
          ...[...this.#videos.values()].map((v) => v.el).filter((el) => el.parentNode !== this.pool),
        ].map((el) => el.play()),
      );
      this.#blocked(false);
    } catch {
      this.#blocked(true);
    }
  }

  /** @param {string} id where sound plays; empty for the system's choice */
  setSpeaker(id) {
    this.#sinkId = id;
    for (const el of this.#audios.values()) void this.#route(el);
  }

  /** @param {HTMLAudioElement} el */
  async #route(el) {
    if (!this.#sinkId || !('setSinkId' in el)) return;
    await /** @type {any} */ (el).setSinkId(this.#sinkId).catch(() => {}); // unplugged: the default plays on
  }

  /** @param {string} mid @param {number} volume 0…1; a phone that leaves it to its buttons changes nothing */
  setVolume(mid, volume) {
    this.#volumes.set(mid, volume);
    const el = this.#audios.get(mid);
    if (el && el.volume !== volume) el.volume = volume;
  }

  /** @param {boolean} on nothing is heard while the person is elsewhere */
  hush(on) {
    this.#hushed = on;
    for (const el of this.#audios.values()) el.muted = on;
    if (!on) for (const el of this.#audios.values()) if (el.paused) this.#play(el);
  }

  /** clear forgets every element, for a new PeerConnection or at the end. */
  clear() {
    for (const el of [...this.#audios.values(), ...[...this.#videos.values()].map((v) => v.el)]) {
      el.srcObject = null;
      el.remove();
    }
    this.#audios.clear();
    this.#volumes.clear();
    this.#videos.clear();
  }
}

/**
 * @param {RTCRtpReceiver} receiver
 * @param {number} participant
 * @param {number} since
 * @returns {boolean} whether frames carry them as CSRC
 */
function isFrom(receiver, participant, since) {
  const epoch = performance.timeOrigin + since;
  return receiver.getContributingSources().some((c) => c.source === participant && c.timestamp >= epoch - 5);
}
