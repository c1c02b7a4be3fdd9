// The ladder back into a meeting (docs/protocol.md, Reconnecting), as a pure state machine: events and time in, the
// next state and what to do out. Every step has a deadline, in the time of core/pagetime.js. Whether packets arrive is
// judged by core/flow.js.

/** @typedef {'ok'|'resume'|'ice_restart'|'new_connection'|'rejoin'|'failed'} Step */
/** @typedef {'open_socket'|'ice_restart'|'new_connection'|'join'} Action */
/**
 * @typedef {'socket_lost'|'socket_failed'|'socket_unanswered'|'resumed'|'resume_failed'|'joined'|'media_up'
 *   |'media_silent'|'media_lost'|'media_ended'|'media_impossible'
 *   |'offer_refused'|'answer_failed'|'network_changed'|'tick'|'retry'} Event
 *   socket_unanswered: a WebSocket was not opened in time, so nothing is known of the server.
 *   media_up: packets arrive, or ICE has just connected.
 *   media_silent: the packets that arrived have stopped. media_lost: the browser gave the connection up.
 *   media_ended: so has the server, which has forgotten its keys: another connection is needed.
 *   media_impossible: the same, and trying again does not help.
 *   offer_refused: the server did not answer, and everything is as before. answer_failed: the browser did not take
 *   the answer, so the two ends no longer agree on anything.
 *   network_changed: the device has another network. Its WebSocket is replaced before an error is seen.
 */

/**
 * @typedef {object} Ladder
 * @property {Step} step
 * @property {number} deadline ms, when the step is given up
 * @property {number} retryAt ms, when to try the step's action again; Infinity for not
 * @property {number} attempt sockets, or PeerConnections, tried in this step
 * @property {boolean} socket whether the socket is up and the seat is ours
 * @property {boolean} media whether media arrives, as far as anything is to be expected
 * @property {boolean} seen whether media was ever up in this call
 * @property {boolean} blocked whether the first media connection did not come up in time
 * @property {number} mediaBy ms by which the first media connection must be up; Infinity once it was
 * @property {number} since ms, when the climb began
 * @property {number} disagreed how often an answer failed while media flowed, since disagreedAt
 * @property {number} disagreedAt ms
 * @property {boolean} rejoined whether the whole ladder was climbed since media was last up: it is climbed once
 */

/**
 * The server keeps a seat for 45 s from when it misses the WebSocket, which may be later than we do. It says when a
 * seat is gone, and then we join anew: giving up before it says so would leave an empty seat behind.
 */
export const RESUME_MS = 60_000;
export const ICE_RESTART_MS = 6_000;
export const NEW_CONNECTION_MS = 10_000;
export const REJOIN_MS = 30_000;
/** PeerConnections made in one climb of the third step, when they cannot even be negotiated. */
export const MAX_CONNECTIONS = 3;
/** How often a minute flowing media is reconnected after a failed answer; more is a permanent fault. */
export const MAX_DISAGREED = 3;
const DISAGREED_MS = 60_000;
/** How long the first media connection may take before the person is told why it may be, while a new one is tried. */
export const FIRST_MEDIA_MS = 5_000;
/** How long a WebSocket may take to open, at least; systems try a lost SYN again only after 1, 3 and 7 s. */
const OPEN_MS = 700;
/** Every so many attempts one has more time, and every so many of these time enough for any network. */
const PATIENT_EVERY = 6;
const PATIENT_MS = 2_900; // the third SYN would come after 3 s
const MOST_PATIENT_EVERY = 24;
const MOST_PATIENT_MS = 8_000;
/** A step that takes less is not shown. */
const QUIET_MS = 400;
/** A WebSocket that is lost while sound and picture go on is not shown for so long. */
export const QUIET_SOCKET_MS = 5_000;

/** @returns {Ladder} */
export const newLadder = () => ({
  step: 'ok',
  deadline: Infinity,
  retryAt: Infinity,
  attempt: 0,
  socket: true,
  media: true,
  seen: false,
  blocked: false,
  mediaBy: Infinity,
  since: 0,
  disagreed: 0,
  disagreedAt: -Infinity,
  rejoined: false,
});

/**
 * A page cannot tell a server that refuses from a network that is not there, and one that is back is to be found soon.
 * @param {number} attempt @returns {number} ms to wait before the next socket: at once, then slower, at most 1.5 s
 */
export const backoff = (attempt) => (attempt === 0 ? 0 : Math.min(1500, 250 * 2 ** attempt));

/**
 * openLimit is how long a WebSocket may take to open. Where nothing answers, a new attempt finds the network sooner
 * than the system's own repetitions.
 * @param {number} attempt from 1 @param {number} usual ms that the first of the call took @returns {number} ms
 */
export function openLimit(attempt, usual) {
  if (attempt % MOST_PATIENT_EVERY === 0) return MOST_PATIENT_MS;
  const least = attempt % PATIENT_EVERY === 0 ? PATIENT_MS : OPEN_MS;
  return Math.min(MOST_PATIENT_MS, Math.max(least, 3 * usual));
}

/** @typedef {{ladder: Ladder, actions: Action[]}} Outcome */

/** @param {Ladder} l @param {number} now @returns {Outcome} */
function climb(l, now) {
  switch (l.step) {
    case 'ok':
      return {
        ladder: { ...l, step: 'ice_restart', deadline: now + ICE_RESTART_MS, mediaBy: Infinity },
        actions: ['ice_restart'],
      };
    case 'ice_restart':
      return connectAnew(l, now);
    case 'resume':
    case 'new_connection':
      if (l.rejoined) return failed(l);
      return {
        // On a new socket: the present one has its seat.
        ladder: { ...l, step: 'rejoin', deadline: now + REJOIN_MS, attempt: 1, retryAt: now, media: false },
        actions: [],
      };
    default:
      return failed(l);
  }
}

/** @param {Ladder} l @param {number} now @returns {Outcome} the third step */
function connectAnew(l, now) {
  return {
    ladder: {
      ...l,
      step: 'new_connection',
      deadline: now + NEW_CONNECTION_MS,
      attempt: 1,
      retryAt: Infinity,
      media: false,
      mediaBy: Infinity,
    },
    actions: ['new_connection'],
  };
}

/**
 * The negotiation failed. The same PeerConnection would fail again, so a new one is made, a few times with pauses,
 * then the next step.
 * @param {Ladder} l
 * @param {number} now
 * @param {boolean} broken whether the ends disagree now, so that media that flows is lost too
 * @returns {Outcome}
 */
function notAgreed(l, now, broken) {
  switch (l.step) {
    case 'ok': {
      if (!l.socket || (l.media && !broken)) return { ladder: l, actions: [] };
      if (!l.media) return connectAnew(l, now);
      const disagreed = (now - l.disagreedAt < DISAGREED_MS ? l.disagreed : 0) + 1;
      if (disagreed > MAX_DISAGREED) return failed(l);
      return connectAnew({ ...l, disagreed, disagreedAt: disagreed === 1 ? now : l.disagreedAt }, now);
    }
    case 'ice_restart':
      return connectAnew(l, now);
    case 'new_connection':
      if (l.retryAt < Infinity) return { ladder: l, actions: [] };
      if (l.attempt >= MAX_CONNECTIONS) return climb(l, now);
      return { ladder: { ...l, attempt: l.attempt + 1, retryAt: now + backoff(l.attempt) }, actions: [] };
    default:
      return { ladder: l, actions: [] };
  }
}

/** @param {Ladder} l @returns {Outcome} */
function failed(l) {
  return { ladder: { ...l, step: 'failed', deadline: Infinity, retryAt: Infinity }, actions: [] };
}

/** @param {Ladder} l @param {number} now @returns {Outcome} the seat is ours again; media may not be */
function seated(l, now) {
  const up = { ...l, socket: true, attempt: 0, retryAt: Infinity };
  if (l.media) return { ladder: { ...up, step: 'ok', deadline: Infinity }, actions: [] };
  return climb({ ...up, step: 'ok' }, now);
}

/**
 * @param {Ladder} l @param {number} now
 * @param {boolean} refused whether something answered, which is not to be asked again at once
 * @returns {Outcome}
 */
function socketLost(l, now, refused) {
  const down = { ...l, socket: false };
  if (l.step === 'rejoin' || l.step === 'resume') {
    const retryAt = refused ? now + backoff(l.attempt) : now;
    return { ladder: { ...down, attempt: l.attempt + 1, retryAt }, actions: [] };
  }
  if (l.step === 'failed') return { ladder: down, actions: [] };
  return {
    ladder: { ...down, step: 'resume', deadline: now + RESUME_MS, attempt: 1, retryAt: now + backoff(0) },
    actions: [],
  };
}

/** @param {Ladder} l @param {number} now @returns {Outcome} */
function tick(l, now) {
  if (now >= l.deadline) {
    // Joining anew finds no way for media either. It is said, and the present connection goes on trying.
    return l.step === 'new_connection' && !l.seen ? failed(l) : climb(l, now);
  }
  if (now >= l.retryAt) {
    return {
      ladder: { ...l, retryAt: Infinity },
      actions: [l.step === 'new_connection' ? 'new_connection' : 'open_socket'],
    };
  }
  if (l.step === 'ok' && l.socket && now >= l.mediaBy) return connectAnew({ ...l, blocked: true }, now);
  return { ladder: l, actions: [] };
}

/** @param {Ladder} l @returns {Outcome} */
function mediaUp(l) {
  if (l.media && l.seen && l.step === 'ok') return { ladder: l, actions: [] };
  const up = { ...l, media: true, seen: true, blocked: false, mediaBy: Infinity, rejoined: false };
  if (l.step === 'ice_restart' || l.step === 'new_connection' || (l.step === 'failed' && l.socket && !l.media)) {
    return { ladder: { ...up, step: 'ok', deadline: Infinity, retryAt: Infinity }, actions: [] };
  }
  return { ladder: up, actions: [] };
}

/** @param {Ladder} l @param {number} now @returns {Outcome} replaces the WebSocket; packets show whether media lives */
function networkChanged(l, now) {
  if (l.step === 'failed') return retry(l, now);
  if (l.step === 'resume' || l.step === 'rejoin') return { ladder: { ...l, retryAt: now }, actions: [] };
  return socketLost(l, now, false);
}

/** @param {Ladder} l @param {number} now @returns {Outcome} joins anew */
function retry(l, now) {
  const fresh = { ...newLadder(), seen: l.seen, socket: false, media: false };
  return {
    ladder: { ...fresh, step: 'rejoin', deadline: now + REJOIN_MS, attempt: 1, retryAt: now, rejoined: l.rejoined },
    actions: [],
  };
}

/**
 * next takes an event and says where on the ladder we are then, and what to do.
 * @param {Ladder} l @param {Event} event @param {number} now ms @returns {Outcome}
 */
export function next(l, event, now) {
  const { ladder, actions } = step(l, event, now);
  const begins = l.step === 'ok' && ladder.step !== 'ok';
  return { ladder: begins ? { ...ladder, since: now } : ladder, actions };
}

/** @param {Ladder} l @param {Event} event @param {number} now @returns {Outcome} */
function step(l, event, now) {
  const stay = (/** @type {Partial<Ladder>} */ change) => ({
    ladder: { ...l, ...change },
    actions: /** @type {Action[]} */ ([]),
  });
  switch (event) {
    case 'socket_lost':
    case 'socket_failed':
      return socketLost(l, now, true);
    case 'socket_unanswered':
      return socketLost(l, now, false);
    case 'network_changed':
      return networkChanged(l, now);
    case 'resumed':
      return l.step === 'resume' ? seated(l, now) : stay({ socket: true });
    case 'resume_failed':
      return {
        ladder: {
          ...l,
          step: 'rejoin',
          socket: true,
          media: false,
          deadline: now + REJOIN_MS,
          retryAt: Infinity,
          attempt: 1,
        },
        actions: ['join'],
      };
    case 'joined': // a new seat: the caller starts media for it
      return {
        ladder: {
          ...newLadder(),
          media: false,
          seen: l.seen,
          mediaBy: now + FIRST_MEDIA_MS,
          rejoined: l.rejoined || l.step === 'rejoin',
        },
        actions: [],
      };
    case 'media_up':
      return mediaUp(l);
    case 'media_silent':
      if (l.step === 'ok' && l.socket) return climb({ ...l, media: false }, now);
      return l.step === 'resume' ? stay({ media: false }) : { ladder: l, actions: [] };
    case 'media_lost':
      if (l.step === 'ok' && l.socket) return climb({ ...l, media: false }, now);
      if (l.step === 'ice_restart') return climb({ ...l, media: false }, now);
      return stay({ media: false });
    case 'media_ended':
      if ((l.step === 'ok' || l.step === 'ice_restart') && l.socket) return connectAnew({ ...l, media: false }, now);
      return stay({ media: false });
    case 'media_impossible':
      return l.media ? { ladder: l, actions: [] } : failed({ ...l, blocked: true });
    case 'offer_refused':
      return notAgreed(l, now, false);
    case 'answer_failed':
      return notAgreed(l, now, true);
    case 'retry':
      return retry({ ...l, rejoined: false }, now);
    default:
      return tick(l, now);
  }
}

/**
 * tellIn says when the person is to be told "Reconnecting…": as long as sound and picture go on, a short loss of the
 * WebSocket does not matter to them.
 * @param {Ladder} l @param {number} now ms @returns {number} ms from now; Infinity for not at all
 */
export function tellIn(l, now) {
  if (l.step === 'ok') return Infinity;
  if (l.step === 'failed') return 0;
  const quiet = l.step === 'resume' && l.media ? QUIET_SOCKET_MS : QUIET_MS;
  return Math.max(0, l.since + quiet - now);
}
