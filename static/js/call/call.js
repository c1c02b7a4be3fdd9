// A participant's part in one meeting: it joins the socket, the media and the devices to the pure state, and
// offers the screens verbs. Screens read `store` and call methods; they never see the socket.
/** @import {StreamKey} from './context.js' */
/** @import {State} from '../core/state.js' */
/** @import {Ladder, Event as LadderEvent, Action} from '../core/reconnect.js' */
/** @import {Source, Want, ServerMessage, ClientMessage, Fields} from '../core/types.js' */
/** @import {Welcome, Bye, MediaFailure} from '../protocol-types.js' */
/** @import {Snapshot} from '../media/stats.js' */
/** @import {Rates} from '../core/quality.js' */
/** @import {Timer} from '../core/timer.js' */
/** @import {LocalMedia} from './localmedia.js' */
/** @import {Link} from '../e2ee/link.js' */
/** @import {Identity} from '../e2ee/seat.js' */
import { initialState, reduce, named, present, may, permissionFor } from '../core/state.js';
import { LOOK_MS } from '../core/flow.js';
import { newPageTime, ran } from '../core/pagetime.js';
import { newLadder, next, openLimit } from '../core/reconnect.js';
import { begun } from '../core/timer.js';
import { createStore } from '../ui/store.js';
import { RequestError } from '../net/error.js';
import { Socket, PROTOCOL_VERSION } from '../net/socket.js';
import { session as askSession } from '../net/api.js';
import { Sinks } from '../media/sinks.js';
import { Secrets } from '../e2ee/secrets.js';
import { CallMedia } from './media.js';
import { Parts } from './parts.js';
import { watchNetwork } from './network.js';

const STATS_MS = 2000;
/** The ladder's clock. */
const TICK_MS = 250;
/** How long an answer may take after the page was hidden. */
const WAKE_MS = 4000;
/** And where nothing else arrives any more. */
const DOUBT_MS = 1000;
/** Reasons of `media_failed` that trying again does not mend. */
const IMPOSSIBLE = new Set(['fingerprint_mismatch', 'no_common_srtp_profile']);
/** What the group asks the server for by itself: the group sees to it when that fails, and the person is not told. */
const QUIET = new Set(['relay', 'found', 'key_package', 'commit', 'propose', 'log_get', 'stuck']);
/** Reasons of `bye` after which the seat is still there (docs/protocol.md). */
const RESUMABLE = new Set(['slow_reader', 'rate_limited', 'protocol_error']);

/**
 * @typedef {{socket: number, welcome: number, answer: number, media: number, frame: number}} Phases ms since the
 *   person pressed join, 0 for not yet
 */

/**
 * @typedef {object} Presence
 * @property {State} state what the server says of the meeting
 * @property {Ladder} ladder
 * @property {{shown: number, run: number}} quality
 * @property {Rates|null} rates
 * @property {Snapshot|null} snapshot
 * @property {boolean} soundBlocked
 * @property {Phases} phases
 * @property {MediaFailure|''} failure why media does not flow, as far as the server knows
 * @property {readonly number[]} ports of the server that media goes to; empty before its first answer
 * @property {Timer|null} timer the countdown that a host runs
 * @property {number} room the breakout room that a host has for us, 0 for none
 * @property {number} mediaVersion grows when slots or local tracks changed
 */

/**
 * Events without lasting state: 'reaction' {from, reaction}, 'muted' {by, sources}, 'ask_unmute' {by, sources},
 * 'notice' {notice, in_s}, 'timer' {left_ms, by}, 'poll' {what, poll}, 'room' {what, …}, 'problem' {error},
 * 'role' {role}, 'media_refused' {source, reason}. Dispatched as CustomEvents.
 */
export class Call extends EventTarget {
  store = createStore(
    /** @type {Presence} */ ({
      state: initialState(),
      ladder: newLadder(),
      quality: { shown: 4, run: 0 },
      rates: null,
      snapshot: null,
      soundBlocked: false,
      mediaVersion: 0,
      timer: null,
      room: 0,
      failure: '',
      ports: [],
      phases: { socket: 0, welcome: 0, answer: 0, media: 0, frame: 0 },
    }),
  );
  /** @type {LocalMedia} */
  local;
  sinks = new Sinks({
    blocked: (soundBlocked) => this.#update({ soundBlocked }),
    firstFrame: () => {
      if (this.#someToSee) this.#phase('frame');
    },
  });
  /** @type {Socket|null} */
  #socket = null;
  /**
   * Holds the old seat while a new one is requested, so that a host who joins again hasn't left.
   * @type {Socket|null}
   */
  #former = null;
  #media;
  #join;
  /** the keys of an end-to-end encrypted meeting @type {Secrets|null} */
  encryption = null;
  /** names of the others who were in a confidential meeting since we came @type {Set<string>} */
  met = new Set();
  /** @type {StreamKey[]} made on this page; the server holds at most 16 */
  streamKeys = [];
  /** how loud participants are here, 0…1, where the person chose so @type {Map<number, number>} */
  #volumes = new Map();
  /** the person ended the meeting for everyone */
  ended = false;
  #resume = '';
  #startedAt;
  /** ms that the first WebSocket took to open: what is usual on this network */
  #usual = 0;
  /** pictures were there when we came, so that the first of them belongs to joining */
  #someToSee = false;
  #time = newPageTime(performance.now());
  /** @type {number[]} */
  #timers = [];
  /** @type {number[]} when the server closed the socket but kept the seat, ms */
  #byes = [];
  parts = new Parts(this);
  /** this call is in a breakout room: which, 0 for none */
  room = 0;
  #over = false;
  #left = false;
  #gone = new AbortController();

  /**
   * @param {{meeting: string, name: string, password: string, pressed: number, link: Link|null, guest: boolean,
   *   room: Identity|null, instead?: boolean}} join pressed: when, in ms of performance.now(); link: null for a meeting
   *   without end-to-end encryption; room: the key of this meeting's room, if it is this person's; instead: of another
   *   seat of this person
   * @param {LocalMedia} local what the person switched on before
   */
  constructor(join, local) {
    super();
    this.#join = join;
    this.#startedAt = join.pressed;
    this.local = local;
    if (join.link) this.encryption = this.#protect({ ...join, link: join.link });
    this.#media = new CallMedia({
      local,
      sinks: this.sinks,
      encryption: this.encryption,
      store: this.store,
      socket: () => this.#socket,
      climb: (event) => this.#climb(event),
      phase: (name) => this.#phase(name),
      silent: (err) => this.#silent(err),
      doubt: () => this.#sendMedia(Math.max(DOUBT_MS, 2 * this.#usual)),
      problem: (error) => this.#emit('problem', { error }),
      leaked: (source) => this.#emit('leaked', { source }),
    });
    local.attach({
      send: (source, track) => this.#media.setTrack(source, track),
      changed: (sources) => this.#sourcesChanged(sources),
    });
    this.#change((s) => ({ ...s, name: join.name, phase: 'connecting', sources: local.sources() }));
  }

  /**
   * @param {{meeting: string, link: Link, name: string, guest: boolean, room: Identity|null, password: string}} join
   * @returns {Secrets}
   */
  #protect(join) {
    return new Secrets(join, {
      send: (type, fields) => this.#sendFor(type, fields),
      heard: (m) => (m.type === 'app' ? this.parts.hear(m) : this.#change((s) => reduce(s, m))),
      present: (people) => this.#change((s) => present(s, people)),
      named: (names) => this.#change((s) => named(s, names)),
      emit: (type, detail) => this.#emit(type, detail),
    });
  }

  /**
   * @template {ClientMessage['type']} T @param {T} type @param {Fields<T>} fields @returns {Promise<unknown>}
   */
  async #sendFor(type, fields) {
    try {
      if (!this.#socket) throw new RequestError('network', '', false);
      return await this.#socket.request(type, fields);
    } catch (err) {
      const quiet = QUIET.has(type) || /** @type {any} */ (fields).kind === 'group';
      if (!quiet) this.#emit('problem', { error: err });
      throw err;
    }
  }

  /**
   * @param {boolean} again in the place of a seat that one has
   * @returns {Promise<{name: string, announce?: string, password?: string, switch?: boolean}>} who asks to join, with
   *   new keys where there are keys
   */
  async #who(again) {
    const { name, password } = this.#join;
    if (!this.encryption) return { name, ...(password && { password }) };
    return { ...(await this.encryption.begin()), ...(again && { switch: true }) };
  }

  /** @param {Partial<Presence>} change */
  #update(change) {
    this.store.set((p) => ({ ...p, ...change }));
  }

  /** @param {(s: State) => State} change */
  #change(change) {
    this.store.set((p) => ({ ...p, state: change(p.state) }));
  }

  /** @param {keyof Phases} name */
  #phase(name) {
    const { phases } = this.store.get();
    if (!phases[name]) this.#update({ phases: { ...phases, [name]: Math.round(performance.now() - this.#startedAt) } });
  }

  /** @param {string} type @param {object} detail */
  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  /**
   * join resolves when the person is in the meeting, after the lobby if there is one.
   * @returns {Promise<void>} rejects with a RequestError when they did not get in
   */
  async join() {
    const { meeting, instead = false } = this.#join;
    try {
      // New keys take a while where much else runs, and the server waits 10 s for `join`.
      const who = await this.#who(instead);
      const asked = performance.now();
      const socket = this.#openSocket();
      await socket.opened;
      this.#usual = performance.now() - asked;
      this.#phase('socket');
      await socket.request('join', { version: PROTOCOL_VERSION, meeting, ...who }, { timeout: 0 });
    } catch (err) {
      this.#free(); // the preview goes on
      throw err;
    }
    const watching = {
      shown: () => this.#askSocket(),
      woke: () => this.#woke(),
      changed: () => this.#networkChanged(),
    };
    watchNetwork(watching, this.#gone.signal);
    this.#timers.push(
      window.setInterval(() => this.#climb('tick'), TICK_MS),
      window.setInterval(() => this.#look(), STATS_MS),
      window.setInterval(() => this.#media.watchFlow(), LOOK_MS),
    );
  }

  /** @param {number} [limit] ms in which it must open @returns {Socket} */
  #openSocket(limit) {
    if (this.#socket?.open && this.store.get().ladder.step === 'rejoin') {
      this.#former?.close();
      this.#former = this.#socket;
    } else {
      this.#socket?.close();
    }
    const handlers = {
      message: (/** @type {ServerMessage} */ m) => {
        if (this.#socket === socket) this.#receive(m);
      },
      closed: (/** @type {boolean} */ answered) => {
        if (this.#socket === socket) this.#socketGone(answered);
      },
    };
    const socket = new Socket(handlers, this.#join.meeting, limit);
    this.#socket = socket;
    return socket;
  }

  /** @param {boolean} answered */
  #socketGone(answered) {
    const { phase } = this.store.get().state;
    if (this.#over || phase === 'ended') return;
    this.encryption?.connection(false);
    if (phase === 'joined') return this.#climb(answered ? 'socket_lost' : 'socket_unanswered');
    if (phase === 'lobby') this.#end('unreachable', '');
  }

  /** @param {ServerMessage} said */
  #receive(said) {
    const m = this.encryption ? this.encryption.hear(said) : said;
    if (!m) return;
    const before = this.store.get().state;
    this.#change((s) => reduce(s, m));
    switch (m.type) {
      case 'welcome':
        return this.#welcomed(m);
      case 'slots':
        this.#media.assign();
        return this.#applyVolumes();
      case 'encode':
        return this.#media.setEncode(m.source, m.rids);
      case 'muted':
        this.local.stop(m.sources);
        return this.#emit('muted', m);
      case 'permissions':
        this.local.keep(this.store.get().state.sources);
        if (m.role !== before.role) this.#emit('role', m);
        return;
      case 'app':
        return this.parts.hear(m);
      case 'timer':
        this.#update({ timer: begun(m.left_ms, performance.now()) });
        return this.#emit('timer', m);
      case 'ask_unmute':
      case 'reaction':
      case 'notice':
      case 'media_refused':
        return this.#emit(m.type, m);
      case 'media_failed':
        this.#update({ failure: m.reason });
        if (m.final) this.#climb(IMPOSSIBLE.has(m.reason) ? 'media_impossible' : 'media_ended');
        return;
      case 'idle':
        return this.#emit('notice', { notice: 'idle', in_s: m.in_s });
      case 'error':
        if (m.id === undefined) this.#emit('problem', { error: new RequestError(m.error, m.message, m.fatal) });
        return;
      case 'bye':
        return this.#bye(m);
    }
  }

  /** @param {'poll'|'room'} type @param {object} detail what a part of the call has to tell */
  tell(type, detail) {
    this.#emit(type, detail);
  }

  /** @param {number} room the breakout room that a host has for us, 0 for none */
  assigned(room) {
    this.#update({ room });
  }

  /** @param {number} count @returns {Promise<readonly string[]|null>} ids; null: it failed, and the person was told */
  async openBreakouts(count) {
    try {
      if (!this.#socket) throw new RequestError('network', '', false);
      const made = await this.#socket.request('open_breakouts', { count });
      return made.type === 'breakouts' ? made.meetings : null;
    } catch (err) {
      this.#emit('problem', { error: err });
      return null;
    }
  }

  /** @param {Bye} m */
  #bye(m) {
    const now = performance.now();
    const resumable = RESUMABLE.has(m.reason) && this.store.get().state.phase === 'joined';
    this.#byes = this.#byes.filter((at) => now - at < 60_000);
    // The close that follows starts the ladder. After repeated closes, the person is told instead.
    if (resumable && this.#byes.push(now) <= 3) return;
    this.#end(m.reason, m.message);
  }

  /** @param {Welcome} m */
  #welcomed(m) {
    // The server can't switch off the encryption that the link promises.
    if (m.meeting.e2ee !== Boolean(this.encryption)) return this.#end('downgrade', '');
    if (!m.resumed) {
      this.#someToSee = m.participants.some((p) => p.sources.includes('camera') || p.sources.includes('screen'));
    }
    this.#phase('welcome');
    this.encryption?.connection(true);
    this.#resume = m.resume;
    this.#update({ timer: null }); // if one runs, the server says so next
    if (m.ice_servers) this.#media.relayedBy(m.ice_servers);
    depart(this.#former);
    this.#former = null;
    if (m.resumed) {
      this.#climb('resumed');
      this.#sendMedia();
      this.#media.resumed();
      return;
    }
    this.local.keep(this.local.sources().filter((s) => may(this.store.get().state, permissionFor(s))));
    this.#climb('joined');
    void this.#connect();
  }

  /** What was open may be dead without an event; if it is not, asking costs nothing. */
  #askSocket() {
    if (this.store.get().ladder.step === 'ok') this.#sendMedia(WAKE_MS);
  }

  /** The device slept, or was only held up. */
  #woke() {
    if (this.store.get().ladder.step !== 'ok') return this.#networkChanged();
    this.#media.networkChanged();
    this.#askSocket();
  }

  /** The device is on another network: what was open is dead, and is replaced before an error is seen. */
  #networkChanged() {
    this.#media.networkChanged();
    if (this.store.get().state.phase === 'joined') this.#climb('network_changed');
  }

  /** @returns {number} ms in which this page ran, by which the ladder counts */
  ladderTime() {
    const now = performance.now();
    this.#time = ran(this.#time, now);
    return now - this.#time.heldUp;
  }

  /** @param {LadderEvent} event */
  #climb(event) {
    if (this.#over) return;
    const before = this.store.get().ladder;
    const { ladder, actions } = next(before, event, this.ladderTime());
    if (ladder !== before) this.#update({ ladder });
    for (const action of actions) void this.#act(action);
    if (ladder.step === 'failed' && before.step !== 'failed') void this.#stillSignedIn();
  }

  /** A page is not told why a socket was refused. If there is no call any more, trying on is of no use. */
  async #stillSignedIn() {
    const signedIn = await askSession().catch(() => true);
    if (!signedIn) this.#end('forgotten', '');
  }

  /** @param {Action} action */
  async #act(action) {
    if (action === 'ice_restart') return this.#media.restart();
    if (action === 'new_connection') return this.#connect();
    if (action === 'join') return this.#rejoin(false);
    return this.#rejoin(true);
  }

  /** @param {boolean} fresh on a new socket */
  async #rejoin(fresh) {
    const { step, attempt } = this.store.get().ladder;
    const resume = step === 'resume' && this.#resume;
    const { meeting } = this.#join;
    try {
      if (fresh) {
        await this.#openSocket(openLimit(attempt, this.#usual)).opened.catch((err) => {
          if (err.fatal) void this.#stillSignedIn();
          throw err;
        });
      }
      const who = resume ? { name: this.encryption ? '' : this.#join.name, resume } : await this.#who(true);
      const timeout = resume ? 8000 : 0;
      await this.#socket?.request('join', { version: PROTOCOL_VERSION, meeting, ...who }, { timeout });
    } catch (err) {
      if (!(err instanceof RequestError)) throw err;
      if (err.id === 'resume_failed') return this.#climb('resume_failed');
      if (err.id === 'network') return; // closed() climbs
      if (err.id === 'timeout' || err.id === 'rate_limited' || err.id === 'internal') {
        this.#socket?.close();
        return this.#climb('socket_failed');
      }
      this.#end(`error:${err.id}`, err.message);
    }
  }

  /** New media, at the start or when the ladder asks for it; what is on is told once it is there. */
  async #connect() {
    await this.#media.connect();
    this.#sendMedia();
  }

  /** @param {readonly Want[]} wants what the screen shows now */
  setView(wants) {
    this.#media.setView(wants);
  }

  /** retry starts the ladder's last step again, by the person's wish. */
  retry() {
    this.#climb('retry');
  }

  /** @param {readonly Source[]} sources */
  #sourcesChanged(sources) {
    this.#change((s) => ({ ...s, sources: [...sources] }));
    this.#update({ mediaVersion: this.store.get().mediaVersion + 1 });
    this.#sendMedia();
  }

  /** @param {number} [timeout] ms */
  #sendMedia(timeout) {
    if (this.store.get().state.phase !== 'joined') return;
    this.encryption?.live(this.local.sources());
    this.#socket?.request('media', { sources: this.local.sources() }, { timeout }).catch((err) => {
      if (err instanceof RequestError && err.id === 'not_permitted') this.local.stop(this.local.sources());
      if (this.#silent(err)) return;
      if (!(err instanceof RequestError) || err.id !== 'network') this.#emit('problem', { error: err });
    });
  }

  /**
   * A socket over which answers no longer come is as good as lost, whatever the system says: a page cannot see pings.
   * @param {unknown} err @returns {boolean}
   */
  #silent(err) {
    const { step } = this.store.get().ladder;
    const seated = step === 'ok' || step === 'ice_restart' || step === 'new_connection';
    if (!(err instanceof RequestError) || err.id !== 'timeout' || this.#over || !seated) return false;
    this.#socket?.close();
    this.#climb('socket_lost');
    return true;
  }

  /** Periodic housekeeping. */
  #look() {
    void this.#media.look();
  }

  /**
   * request sends one of the protocol's requests that need no more than an answer: chat, react, hand, admit, deny,
   * mute, ask_unmute, remove, role, policy, end, active.
   * @template {ClientMessage['type']} T
   * @param {T} type @param {Fields<T>} fields @returns {Promise<boolean>} false when it failed; the person was told
   */
  async request(type, fields) {
    const { hand } = this.store.get().state;
    try {
      if (!this.#socket) throw new RequestError('network', '', false);
      // What the person lowers themselves is not told to them as a host's act.
      if (type === 'hand' && !(/** @type {any} */ (fields).raised)) {
        this.#handDown(/** @type {any} */ (fields).participant);
      }
      if (type === 'end') this.ended = true; // before the answer, which the end may overtake
      await (this.encryption?.say(type, fields) ?? this.#socket.request(type, fields));
      return true;
    } catch (err) {
      if (type === 'end') this.ended = false;
      if (type === 'hand') this.#change((s) => (s.hand === 0 && hand > 0 ? { ...s, hand } : s));
      this.#silent(err);
      this.#emit('problem', { error: err });
      return false;
    }
  }

  /** @param {number|undefined} participant */
  #handDown(participant) {
    this.#change((s) => (participant && participant !== s.self ? s : { ...s, hand: 0 }));
  }

  /**
   * streamKey makes a key with which a program joins over HTTP. It is told once and stays on this page.
   * @param {'ingest'|'egress'} kind @param {string} name
   * @returns {Promise<boolean>} false when it failed; the person was told
   */
  async streamKey(kind, name) {
    try {
      if (!this.#socket) throw new RequestError('network', '', false);
      const made = await this.#socket.request('stream_key', { kind, name });
      if (made.type === 'stream_key') this.streamKeys.push({ number: made.number, key: made.key, kind, name });
      return true;
    } catch (err) {
      this.#emit('problem', { error: err });
      return false;
    }
  }

  /** @param {number} participant @returns {number} how loud they are here, 0…1 */
  volume(participant) {
    return this.#volumes.get(participant) ?? 1;
  }

  /** @param {number} participant @param {number} volume 0…1, for this page alone */
  setVolume(participant, volume) {
    this.#volumes.set(participant, volume);
    this.#applyVolumes();
  }

  #applyVolumes() {
    const { people, slots } = this.store.get().state;
    for (const n of this.#volumes.keys()) if (!people.has(n)) this.#volumes.delete(n); // no more than are here
    for (const slot of slots.values()) this.sinks.setVolume(slot.mid, this.volume(slot.participant));
  }

  /** seen marks the chat as read. */
  seen() {
    this.#change((s) => (s.chatSeen === s.count ? s : { ...s, chatSeen: s.count }));
  }

  /**
   * leave tells the server and ends. A host leaves word who may let people in after them.
   * @param {{closing?: boolean, replaced?: boolean}} [o] closing: the page goes away in this moment. replaced: the
   *   person goes on in another page
   */
  leave({ closing = false, replaced = false } = {}) {
    const sign = !this.#left && !closing && this.encryption;
    this.#left = true;
    if (sign) void sign.goodbye().finally(() => this.#leave(replaced));
    else this.#leave(replaced);
  }

  /** @param {boolean} replaced */
  #leave(replaced) {
    if (this.#over) return;
    const heir = this.encryption?.heir(this.store.get().state);
    depart(this.#socket, heir ? { heir } : {});
    this.#socket = null; // nothing that still arrives is ours
    this.#end(replaced ? 'replaced' : 'left', '');
  }

  /** @param {string} reason @param {string} message */
  #end(reason, message) {
    if (this.#over) return;
    this.close();
    this.#change((s) => ({ ...s, phase: 'ended', bye: { reason, message } }));
  }

  /** close frees everything: socket, PeerConnection, timers, devices. */
  close() {
    this.#free();
    this.local.detach();
  }

  #free() {
    this.#over = true;
    this.#gone.abort();
    for (const timer of this.#timers) clearInterval(timer);
    this.parts.close();
    depart(this.#former);
    this.#socket?.close();
    this.#media.close();
    this.encryption?.close();
    this.sinks.clear();
  }
}

/**
 * depart gives up a socket's seat explicitly, so that others don't see it as reconnecting.
 * @param {Socket|null} socket @param {Fields<'leave'>} [word] who inherits
 */
function depart(socket, word = {}) {
  socket
    ?.request('leave', word)
    .catch(() => {})
    .finally(() => socket.close());
}
