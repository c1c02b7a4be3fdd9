// One RTCPeerConnection to the server: what we send, and the slots we receive in (docs/protocol.md, offer).
/** @import {Source} from '../core/types.js' */
/** @import {Seal} from './seal.js' */
/** @import {Reading} from '../core/flow.js' */
import * as encodings from '../core/encodings.js';
import { keepCodecs, stripAddresses } from '../core/sdp.js';
import { reading } from './stats.js';

/** Receiving audio m-lines; the server forwards that many speakers at most. */
const AUDIO_SLOTS = 4;
/** Receiving video m-lines of the first offer. */
const VIDEO_SLOTS = 9;

/** @typedef {{mid: string, kind: 'audio'|'video', receiver: RTCRtpReceiver}} ReceiveSlot */
/** @typedef {{sdp: string, tracks: {mid: string, source: Source}[]}} Offer */

/** The order of the sending m-lines. */
const SENDING = /** @type {const} */ (['mic', 'camera', 'screen_audio', 'screen']);

/** A PeerConnection that always offers. Nothing is captured here: tracks are handed in by setTrack. */
export class Connection {
  /** @type {RTCPeerConnection} */
  #pc;
  /** @type {Map<Source, RTCRtpTransceiver>} */
  #sending = new Map();
  /** @type {{kind: 'audio'|'video', transceiver: RTCRtpTransceiver}[]} */
  #receiving = [];
  /** @type {Seal} */
  #seal;
  #closed = new AbortController();
  /**
   * Which track a source is to have: setting one waits for the seal, and must not undo what came after it.
   * @type {Map<Source, MediaStreamTrack|null>}
   */
  #wanted = new Map();
  /** setParameters may not overlap; each waits for the one before. @type {Promise<void>} */
  #parameters = Promise.resolve();

  /**
   * @param {{seal: Seal, iceServers: RTCIceServer[], state: (state: RTCPeerConnectionState) => void}} o iceServers: the
   *   server's own relay, for networks that block UDP. state is called on every change
   */
  constructor({ seal, iceServers, state }) {
    this.#seal = seal;
    this.#pc = new RTCPeerConnection({
      ...seal.configuration,
      iceServers,
      bundlePolicy: 'max-bundle',
      rtcpMuxPolicy: 'require',
    });
    this.#pc.addEventListener('connectionstatechange', () => state(this.#pc.connectionState), {
      signal: this.#closed.signal,
    });
    for (const source of SENDING) this.#addSending(source);
    for (let i = 0; i < AUDIO_SLOTS; i++) this.#addReceiving('audio');
    for (let i = 0; i < VIDEO_SLOTS; i++) this.#addReceiving('video');
  }

  /** @param {Source} source adds a sending m-line without a track, so that joining captures nothing */
  #addSending(source) {
    const kind = source === 'mic' || source === 'screen_audio' ? 'audio' : 'video';
    const sendEncodings =
      source === 'camera' ? encodings.camera(sentCodec()) : source === 'screen' ? encodings.screen() : undefined;
    const transceiver = this.#pc.addTransceiver(kind, {
      direction: 'sendonly',
      ...(sendEncodings ? { sendEncodings } : {}),
    });
    this.#seal.sending(transceiver.sender, source);
    preferCodecs(transceiver, kind, sentCodec());
    this.#sending.set(source, transceiver);
  }

  /** @param {'audio'|'video'} kind */
  #addReceiving(kind) {
    const transceiver = this.#pc.addTransceiver(kind, { direction: 'recvonly' });
    this.#seal.receiving(transceiver.receiver, () => transceiver.mid);
    preferCodecs(transceiver, kind);
    this.#receiving.push({ kind, transceiver });
  }

  /** @returns {number} */
  get videoSlots() {
    return this.#receiving.filter((s) => s.kind === 'video').length;
  }

  /** @param {number} n adds receiving video m-lines until there are n; they take effect with the next offer */
  growTo(n) {
    for (let i = this.videoSlots; i < n; i++) this.#addReceiving('video');
  }

  /** @returns {ReceiveSlot[]} those that have been negotiated, in m-line order */
  get slots() {
    return this.#receiving.flatMap(({ kind, transceiver }) =>
      transceiver.mid === null ? [] : [{ mid: transceiver.mid, kind, receiver: transceiver.receiver }],
    );
  }

  /** @param {{iceRestart?: boolean}} [o] @returns {Promise<Offer>} sets the local description; an answer must follow */
  async offer({ iceRestart = false } = {}) {
    if (this.#pc.signalingState === 'have-local-offer') await this.#pc.setLocalDescription({ type: 'rollback' });
    if (iceRestart) this.#pc.restartIce();
    const description = await this.#pc.createOffer();
    await this.#pc.setLocalDescription(description);
    const tracks = [...this.#sending].map(([source, transceiver]) => ({ mid: transceiver.mid ?? '', source }));
    return { sdp: stripAddresses(description.sdp ?? ''), tracks };
  }

  /** @param {string} sdp */
  async answer(sdp) {
    await this.#pc.setRemoteDescription({ type: 'answer', sdp });
  }

  /** @param {Source} source @param {MediaStreamTrack|null} track starts or stops sending; no negotiation is needed */
  async setTrack(source, track) {
    this.#wanted.set(source, track);
    if (track) await this.#seal.ready(source); // what cannot be protected is not sent
    if (this.#wanted.get(source) === track) await this.#sending.get(source)?.sender.replaceTrack(track);
  }

  /**
   * setEncode switches a source to the encodings that viewers want.
   * @param {Source} source @param {readonly string[]} rids @returns {Promise<void>}
   */
  setEncode(source, rids) {
    this.#parameters = this.#parameters
      .then(async () => {
        const sender = this.#sending.get(source)?.sender;
        const parameters = sender?.getParameters();
        if (!sender || !parameters?.encodings?.length) return;
        const next = encodings.withActive(parameters.encodings, rids);
        if (!next.changed) return;
        parameters.encodings = next.encodings;
        await sender.setParameters(parameters);
      })
      .catch(() => {}); // a closed or not yet negotiated sender: the next `encode` sets it right
    return this.#parameters;
  }

  /** @returns {RTCPeerConnectionState} */
  get state() {
    return this.#pc.connectionState;
  }

  /** @returns {Promise<Reading>} what has arrived over the path in use; cheap, since it is of one sender only */
  async received() {
    const report = await this.#sending.get('mic')?.sender.getStats();
    return reading(report ?? new Map());
  }

  /** @returns {Promise<RTCStatsReport>} */
  stats() {
    return this.#pc.getStats();
  }

  /** @returns {Map<string, Source>} which source a sending mid carries */
  get sentMids() {
    return new Map([...this.#sending].map(([source, tr]) => [tr.mid ?? '', source]));
  }

  /** close ends it; state is not called again. */
  close() {
    this.#closed.abort();
    this.#seal.close();
    this.#pc.close();
  }
}

/** @returns {string} the video codec to send; ?codec= in the address is for measuring and for tests */
const sentCodec = () => new URLSearchParams(location.search).get('codec') ?? 'vp8';

/**
 * @param {RTCRtpTransceiver} transceiver
 * @param {'audio'|'video'} kind keeps the offer small: only what the meeting uses
 * @param {string} [first] the codec to send
 */
function preferCodecs(transceiver, kind, first) {
  const codecs = keepCodecs(RTCRtpReceiver.getCapabilities(kind)?.codecs ?? [], kind, first);
  try {
    if (codecs.length > 0) transceiver.setCodecPreferences(codecs);
  } catch {
    // an older browser: the offer is larger, and the server answers what it knows
  }
}
