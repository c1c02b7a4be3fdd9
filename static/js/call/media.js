// A participant's media in one call: the PeerConnection and its negotiation, which pictures are asked for, and what
// is measured of it all. The call decides when a new connection is made: it climbs the ladder.
/** @import {Presence, Phases} from './call.js' */
/** @import {Event as LadderEvent} from '../core/reconnect.js' */
/** @import {Source, Want} from '../core/types.js' */
/** @import {Flow} from '../core/flow.js' */
/** @import {Snapshot} from '../media/stats.js' */
/** @import {Sinks} from '../media/sinks.js' */
/** @import {Socket} from '../net/socket.js' */
/** @import {Store} from '../ui/store.js' */
/** @import {LocalMedia} from './localmedia.js' */
/** @import {WorkerSeal} from '../e2ee/client.js' */
/** @import {Secrets} from '../e2ee/secrets.js' */
import { constantAudio, portsOf } from '../core/sdp.js';
import { sameWants, slotsFor } from '../core/viewport.js';
import * as quality from '../core/quality.js';
import { arriving, doubtful, expected, forget, looked, newFlow, stopped, suspect } from '../core/flow.js';
import { RequestError } from '../net/error.js';
import { Connection } from '../media/connection.js';
import { transportOnly } from '../media/seal.js';
import { snapshot } from '../media/stats.js';

/** Two `view` messages are at least this far apart. */
const VIEW_GAP_MS = 120;
/** How long the answer to an offer may take that mends a broken connection: the WebSocket may be as dead. */
const MENDING_MS = 2500;

/**
 * @typedef {object} Around what the media of a call has to do with
 * @property {LocalMedia} local
 * @property {Sinks} sinks
 * @property {Secrets|null} encryption
 * @property {Store<Presence>} store
 * @property {() => Socket|null} socket the one of now
 * @property {(event: LadderEvent) => void} climb
 * @property {(name: keyof Phases) => void} phase
 * @property {(err: unknown) => boolean} silent whether the socket answers no longer, which the ladder has then been
 *   told
 * @property {() => void} doubt nothing arrives any more: the server may be out of reach
 * @property {(error: RequestError) => void} problem
 * @property {(source: Source) => void} leaked
 */

/** The media of one call, over as many PeerConnections as it takes. */
export class CallMedia {
  #o;
  /** @type {Connection|null} */
  #connection = null;
  /** @type {WorkerSeal|null} */
  #seal = null;
  /** @type {Promise<void>} offers wait for each other */
  #negotiation = Promise.resolve();
  /** the PeerConnection of now was answered once */
  #answered = false;
  /** m-lines were added that the server has not heard of */
  #owesOffer = false;
  /** @type {readonly Want[]} */
  #wants = [];
  /** @type {readonly Want[]|null} what the server was told last */
  #sentWants = null;
  /** @type {Flow} whether packets arrive */
  #flow = newFlow();
  /** @type {ReadonlySet<string>} what was to arrive at the last look */
  #expected = new Set();
  /** the silence of now was told */
  #doubted = false;
  /** the server's relay, from its welcome @type {RTCIceServer[]} */
  #iceServers = [];
  #viewTimer = 0;
  #viewAt = 0;
  #over = false;

  /** @param {Around} o */
  constructor(o) {
    this.#o = o;
  }

  /** @param {Partial<Presence>} change */
  #update(change) {
    this.#o.store.set((p) => ({ ...p, ...change }));
  }

  /** @param {Source} source @param {MediaStreamTrack|null} track @returns {Promise<void>} */
  setTrack(source, track) {
    return this.#connection?.setTrack(source, track) ?? Promise.resolve();
  }

  /** @param {Source} source @param {readonly string[]} rids the layers that viewers want */
  setEncode(source, rids) {
    void this.#connection?.setEncode(source, rids);
  }

  /** relayedBy keeps the relay that the server offers. @param {RTCIceServer[]} servers for the next PeerConnection */
  relayedBy(servers) {
    this.#iceServers = servers;
  }

  /** connect makes a new PeerConnection, resolving when it was negotiated or could not be. */
  async connect() {
    this.#connection?.close();
    this.#o.sinks.clear();
    this.#o.store.set((p) => ({ ...p, state: { ...p.state, slots: new Map(), withheld: [] } }));
    this.#sentWants = null;
    this.#seal = this.#o.encryption?.seal() ?? null;
    const connection = new Connection({
      seal: this.#seal ?? transportOnly,
      iceServers: this.#iceServers,
      state: (state) => {
        if (this.#connection === connection) this.#stateChanged(state);
      },
    });
    this.#connection = connection;
    // What the one before has begun may never end: a closed PeerConnection settles no promise.
    this.#negotiation = Promise.resolve();
    this.#flow = newFlow();
    this.#answered = false;
    connection.growTo(slotsFor(this.#wants.length));
    for (const [source, track] of this.#o.local.sending()) {
      connection.setTrack(source, track).catch(() => {}); // what can't be encrypted is not sent
    }
    await this.#negotiate({});
    this.#sendView();
  }

  /** restart looks for another way for the media that is there. */
  restart() {
    this.#flow = forget(this.#flow);
    return this.#negotiate({ iceRestart: true });
  }

  /** networkChanged makes silence count sooner. */
  networkChanged() {
    this.#flow = suspect(this.#flow);
  }

  /** resumed tells a new socket of the same seat what the one before may not have told. */
  resumed() {
    this.#sentWants = null;
    if (this.#owesOffer && this.#o.store.get().ladder.step === 'ok') void this.#negotiate({});
    this.#sendView();
  }

  /** @param {{iceRestart?: boolean}} o @returns {Promise<void>} */
  #negotiate(o) {
    this.#owesOffer = true;
    this.#negotiation = this.#negotiation.then(async () => {
      const connection = this.#connection;
      const socket = this.#o.socket();
      if (!connection || !socket || this.#over) return;
      try {
        const offer = await connection.offer(o);
        if (this.#connection !== connection) return;
        const answer = await socket.request('offer', offer, o.iceRestart ? { timeout: MENDING_MS } : {});
        if (this.#connection !== connection) return;
        if (answer.type !== 'answer') throw new RequestError('unknown', '', false);
        await connection.answer(
          this.#o.store.get().state.meeting?.private_audio ? constantAudio(answer.sdp) : answer.sdp,
        );
        this.#owesOffer = false;
        this.#answered = true;
        this.#update({ ports: portsOf(answer.sdp) });
        this.#o.phase('answer');
        this.#o.sinks.ensure(connection.slots);
        this.#slotsChanged();
      } catch (err) {
        if (this.#connection === connection && !this.#over) this.#notNegotiated(err);
      }
    });
    return this.#negotiation;
  }

  /** @param {unknown} err a refusal of the server, or a browser that could not make the offer or take the answer */
  #notNegotiated(err) {
    const refused = err instanceof RequestError;
    if (refused && err.id === 'network') return; // the ladder has it: the offer is made again on the next socket
    if (this.#o.silent(err)) return;
    this.#owesOffer = false;
    this.#o.climb(refused ? 'offer_refused' : 'answer_failed');
    this.#o.problem(refused ? err : new RequestError('bad_offer', '', false));
  }

  /** @param {RTCPeerConnectionState} state */
  #stateChanged(state) {
    if (state === 'connected') {
      this.#o.phase('media');
      this.#update({ failure: '' });
      this.#o.climb('media_up');
    } else if (state === 'failed') this.#o.climb('media_lost');
  }

  /** assign shows what slots carry from now on; the state has it already. */
  assign() {
    this.#slotsChanged();
  }

  #slotsChanged() {
    const { state, mediaVersion } = this.#o.store.get();
    this.#seal?.assign(state.slots.values());
    for (const slot of state.slots.values()) this.#o.sinks.assign(slot.mid, slot.participant, slot.source ?? '');
    this.#update({ mediaVersion: mediaVersion + 1 });
  }

  /**
   * @param {readonly Want[]} wants what the screen shows now; sent when it differs, not more often than every 120 ms
   */
  setView(wants) {
    this.#wants = wants;
    if (this.#viewTimer) return;
    const wait = Math.max(0, this.#viewAt + VIEW_GAP_MS - performance.now());
    this.#viewTimer = window.setTimeout(() => {
      this.#viewTimer = 0;
      this.#sendView();
    }, wait);
  }

  #sendView() {
    const connection = this.#connection;
    if (!connection || !this.#answered || (this.#sentWants && sameWants(this.#wants, this.#sentWants))) return;
    const wants = this.#wants;
    this.#sentWants = wants;
    this.#viewAt = performance.now();
    const slots = slotsFor(wants.length);
    if (slots > connection.videoSlots) {
      connection.growTo(slots);
      void this.#negotiate({});
    }
    this.#o
      .socket()
      ?.request('view', { wants: [...wants] })
      .catch((err) => {
        this.#sentWants = null;
        if (this.#o.silent(err)) return;
        if (err instanceof RequestError && err.id === 'rate_limited') setTimeout(() => this.setView(this.#wants), 1000);
      });
  }

  /** watchFlow tells the ladder whether packets arrive; to be called every LOOK_MS of core/flow.js. */
  async watchFlow() {
    const connection = this.#connection;
    if (!connection || this.#over) return;
    const reading = await connection.received().catch(() => null);
    if (!reading || this.#connection !== connection) return;
    const { state } = this.#o.store.get();
    const now = expected(this.#o.local.sources(), state.slots.values(), state.people);
    const less = [...this.#expected].some((what) => !now.has(what));
    this.#expected = now;
    this.#flow = looked(less ? forget(this.#flow) : this.#flow, reading, performance.now());
    const doubt = doubtful(this.#flow);
    if (doubt && !this.#doubted) this.#o.doubt();
    this.#doubted = doubt;
    if (stopped(this.#flow)) this.#o.climb('media_silent');
    else if (arriving(this.#flow)) this.#o.climb('media_up');
  }

  /** look measures the connection, for the bars and the panel. */
  async look() {
    const connection = this.#connection;
    if (!connection || this.#over) return;
    const now = await snapshot(connection, performance.now()).catch(() => null);
    if (!now || this.#connection !== connection) return;
    const { snapshot: before, quality: shown, ladder } = this.#o.store.get();
    const rates =
      before && before.sample.bytesIn <= now.sample.bytesIn ? quality.rates(before.sample, now.sample) : null;
    const up = ladder.media && (ladder.step === 'ok' || ladder.step === 'resume');
    await this.#watchLeaks(now);
    this.#update({
      snapshot: now,
      rates,
      quality: quality.smooth(shown, !up ? 0 : rates ? quality.score(rates) : shown.shown || 4),
    });
  }

  /** @param {Snapshot} now stops sources whose media left unencrypted */
  async #watchLeaks(now) {
    for (const source of (await this.#seal?.leaks(now.sent)) ?? []) {
      await this.#connection?.setTrack(source, null);
      this.#o.local.stop([source]);
      this.#o.encryption?.leaked(source);
      this.#o.leaked(source);
    }
  }

  /** close ends it for good. */
  close() {
    this.#over = true;
    clearTimeout(this.#viewTimer);
    this.#connection?.close();
  }
}
