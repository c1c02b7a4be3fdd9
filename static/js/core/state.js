// What the client knows about the meeting it is in: a value, and a pure function from a server message to the next
// value.
/** @import {Person, Waiting, Meeting, Slot, Withheld, ChatLine} from './types.js' */
/** @import {Source, Role, Permission, ServerMessage} from './types.js' */
/** @import * as P from '../protocol-types.js' */

/** Chat lines kept; older ones are forgotten. */
export const MAX_CHAT = 500;
/** Announcements kept for the live region until it reads them. */
export const MAX_NEWS = 64;

/**
 * @typedef {'joined'|'bot'|'bots'|'egress'
 *   |'left'|'hand'|'chat'|'waiting'|'host'|'share'|'share_end'|'lock'|'unlock'|'spotlight'
 *   |'spotlight_self'|'hand_lowered'} NewsKind
 */

/**
 * @typedef {object} News something worth telling the person
 * @property {number} n
 * @property {NewsKind} kind
 * @property {string} name
 * @property {string} [text]
 * @property {number} [participant]
 * @property {number} [many] how many it is about
 */

/**
 * @typedef {object} State
 * @property {'idle'|'connecting'|'lobby'|'joined'|'ended'} phase
 * @property {number} self the person's own participant number; 0 before welcome
 * @property {string} name
 * @property {Role} role
 * @property {readonly Permission[]} permissions
 * @property {Readonly<Record<string, string>>} roleNames what roles are called here, where it is not the usual
 * @property {readonly Source[]} sources the person's own that are on
 * @property {number} hand
 * @property {boolean} called a host has asked to unmute while the hand was up: that it is lowered is no news
 * @property {Meeting|null} meeting
 * @property {ReadonlyMap<number, Person>} people the others
 * @property {readonly number[]} speakers loudest first
 * @property {number} spotlight the participant a host shows large to everyone; 0 for none
 * @property {ReadonlyMap<number, number>} bars how good connections are, 0 (lost) to 4; of others than those named
 *   nothing is known
 * @property {readonly Waiting[]} waiting
 * @property {{title: string, waiting: number, hostsPresent: boolean}|null} lobby
 * @property {ReadonlyMap<string, Slot>} slots by mid
 * @property {readonly Withheld[]} withheld
 * @property {readonly ChatLine[]} chat
 * @property {number} chatSeen the last line's number that was on screen
 * @property {readonly News[]} news
 * @property {ReadonlySet<number>} untold who shares and has not said a name yet: told of once they have
 * @property {ReadonlySet<number>} nameless who came, or waits, and has not said a name yet: told of once they have
 * @property {number} count grows with every news and chat line
 * @property {{reason: string, message: string}|null} bye
 */

/** @returns {State} */
export function initialState() {
  return {
    phase: 'idle',
    self: 0,
    name: '',
    role: 'participant',
    permissions: [],
    roleNames: {},
    sources: [],
    hand: 0,
    called: false,
    meeting: null,
    people: new Map(),
    speakers: [],
    spotlight: 0,
    bars: new Map(),
    waiting: [],
    lobby: null,
    slots: new Map(),
    withheld: [],
    chat: [],
    chatSeen: 0,
    news: [],
    untold: new Set(),
    nameless: new Set(),
    count: 0,
    bye: null,
  };
}

/**
 * @param {State} s
 * @param {News['kind']} kind
 * @param {string} name
 * @param {{text?: string, participant?: number, many?: number}} [more]
 * @returns {State}
 */
function tell(s, kind, name, more) {
  const n = s.count + 1;
  return { ...s, count: n, news: [...s.news.slice(1 - MAX_NEWS), { n, kind, name, ...more }] };
}

/** @param {State} s @param {P.Welcome} m @returns {State} */
function welcome(s, m) {
  /** @type {State} */
  const next = {
    ...s,
    phase: 'joined',
    self: m.participant,
    role: m.role,
    permissions: m.permissions,
    roleNames: m.role_names ?? {},
    meeting: m.meeting,
    people: new Map(m.participants.map((p) => [p.participant, p])),
    waiting: m.waiting ?? [],
    lobby: null,
    bye: null,
    slots: m.resumed ? s.slots : new Map(),
    withheld: m.resumed ? s.withheld : [],
    speakers: m.resumed ? s.speakers : [],
    hand: m.resumed ? s.hand : 0,
    spotlight: m.meeting.spotlight ?? 0,
    bars: m.resumed ? s.bars : new Map(),
  };
  // A newcomer is told of bots as those are who were here when the bots came.
  const bots = m.participants.filter((p) => p.kind === 'bot');
  if (m.resumed || bots.length === 0) return next;
  return bots[0].name
    ? tell(next, 'bots', bots[0].name, { many: bots.length })
    : { ...next, nameless: new Set(bots.map((b) => b.participant)) };
}

/** @param {State} s @param {Person} p @param {Person|undefined} before @returns {State} */
function tellOfChange(s, p, before) {
  if (p.hand > 0 && !before?.hand) s = tell(s, 'hand', p.name, { participant: p.participant });
  const shares = p.sources.includes('screen');
  if (shares === Boolean(before?.sources.includes('screen'))) return s;
  const untold = new Set(s.untold);
  const waited = untold.delete(p.participant);
  if (shares && !p.name) return { ...s, untold: untold.add(p.participant) };
  if (waited) return { ...s, untold }; // its begin was not told either
  s = tell(s, shares ? 'share' : 'share_end', p.name, { participant: p.participant });
  return s;
}

/** @param {State} s @param {Person} p @returns {State} */
const tellJoined = (s, p) => tell(s, JOINED[p.kind ?? ''] ?? 'joined', p.name, { participant: p.participant });

/** What is told of those who join and receive for others. @type {Record<string, 'bot'|'egress'>} */
const JOINED = { bot: 'bot', egress: 'egress' };

/**
 * named puts in the names of an end-to-end encrypted meeting, which come by another way than the roster, and tells of
 * those who had to wait for it.
 * @param {State} s @param {ReadonlyMap<number, string>} names @returns {State}
 */
export function named(s, names) {
  const renamed = (/** @type {{participant: number, name: string}} */ p) =>
    (names.get(p.participant) ?? p.name) !== p.name;
  if (![...s.people.values()].some(renamed) && !s.waiting.some(renamed)) return s;
  /** @template {{participant: number, name: string}} T @param {T} p @returns {T} */
  const withName = (p) => (renamed(p) ? { ...p, name: names.get(p.participant) ?? '' } : p);
  const people = new Map([...s.people].map(([n, p]) => [n, withName(p)]));
  const nameless = new Set(
    [...s.nameless].filter((n) => !names.get(n) && (people.has(n) || s.waiting.some((w) => w.participant === n))),
  );
  /** @type {State} */
  let next = { ...s, people, waiting: s.waiting.map(withName), nameless };
  for (const n of s.nameless) {
    if (nameless.has(n)) continue;
    const person = people.get(n);
    const waits = next.waiting.find((w) => w.participant === n);
    if (person) next = tellJoined(next, person);
    else if (waits) next = tell(next, 'waiting', waits.name, { participant: n });
  }
  for (const n of s.untold) {
    const person = people.get(n);
    if (person && !person.name) continue;
    next = { ...next, untold: new Set([...next.untold].filter((x) => x !== n)) };
    if (person?.sources.includes('screen')) next = tell(next, 'share', person.name, { participant: n });
  }
  return next;
}

/**
 * present puts in the people of an end-to-end encrypted meeting who were here before: they are known when the group is,
 * after the welcome, and are no news.
 * @param {State} s @param {readonly Person[]} people @returns {State}
 */
export function present(s, people) {
  const next = { ...s, people: new Map(people.map((p) => [p.participant, p])) };
  const bots = people.filter((p) => p.kind === 'bot' && !s.people.has(p.participant));
  return bots.length > 0 ? tell(next, 'bots', bots[0].name, { many: bots.length }) : next;
}

/** @param {State} s @param {P.Roster} m @returns {State} */
function roster(s, m) {
  const people = new Map(s.people);
  /** @type {State} */
  let next = { ...s, people };
  for (const p of m.joined ?? []) {
    if (p.participant === s.self) continue;
    if (!people.has(p.participant)) {
      next = p.name ? tellJoined(next, p) : { ...next, nameless: new Set([...next.nameless, p.participant]) };
    }
    people.set(p.participant, p);
  }
  for (const p of m.changed ?? []) {
    if (p.participant === s.self) {
      if (next.hand > 0 && p.hand === 0 && !next.called) next = tell(next, 'hand_lowered', next.name);
      next = { ...next, hand: p.hand, role: p.role, called: next.called && p.hand > 0 };
      continue;
    }
    next = tellOfChange(next, p, people.get(p.participant));
    people.set(p.participant, p);
  }
  for (const { participant, reason } of m.left ?? []) {
    const p = people.get(participant);
    if (!p) continue;
    people.delete(participant);
    if (reason !== 'replaced') next = tell(next, 'left', p.name, { participant });
  }
  return forget(next);
}

/** @param {State} s @returns {State} without what was known of people who are gone */
function forget(s) {
  const here = (/** @type {number} */ n) => s.people.has(n) || n === s.self;
  if (!s.speakers.every(here)) s = { ...s, speakers: s.speakers.filter(here) };
  if (![...s.bars.keys()].every(here)) s = { ...s, bars: new Map([...s.bars].filter(([n]) => here(n))) };
  return s.spotlight && !here(s.spotlight) ? { ...s, spotlight: 0 } : s;
}

/** @param {State} s @param {P.Quality} m @returns {State} */
function quality(s, m) {
  const bars = new Map(s.bars);
  for (const { participant, bars: n } of m.quality) {
    if (participant === s.self || s.people.has(participant)) bars.set(participant, n);
  }
  return { ...s, bars };
}

/** @param {State} s @param {P.SpotlightEvent} m @returns {State} */
function spotlight(s, m) {
  const next = { ...s, spotlight: m.participant };
  if (m.participant === 0 || m.participant === s.spotlight) return next;
  if (m.participant === s.self) return tell(next, 'spotlight_self', s.name);
  return tell(next, 'spotlight', s.people.get(m.participant)?.name ?? '', { participant: m.participant });
}

/** @param {State} s @param {P.Slots} m @returns {State} */
function slots(s, m) {
  const map = new Map(s.slots);
  for (const slot of m.slots) map.set(slot.mid, slot);
  return { ...s, slots: map, withheld: m.withheld ?? s.withheld };
}

/** @param {State} s @returns {boolean} whether pictures are left out because the server can't carry more */
export const serverBusy = (s) => s.withheld.some((w) => w.reason === 'server');

/** @param {State} s @param {P.ChatEvent} m @returns {State} */
function chat(s, m) {
  const own = m.from === s.self;
  const name = own ? s.name : (s.people.get(m.from)?.name ?? '');
  /** @type {ChatLine} */
  const line = { n: s.count + 1, from: m.from, name, text: m.text, at: m.at, own };
  if (m.to) {
    line.to = m.to;
    line.toName = m.to === s.self ? s.name : (s.people.get(m.to)?.name ?? '');
  }
  const next = { ...s, count: line.n, chat: [...s.chat.slice(1 - MAX_CHAT), line] };
  return own ? next : tell(next, 'chat', name, { text: m.text, participant: m.from });
}

/** @param {State} s @param {P.Waiting} m @returns {State} */
function waiting(s, m) {
  const known = new Set(s.waiting.map((w) => w.participant));
  /** @type {State} */
  let next = { ...s, waiting: m.waiting };
  for (const w of next.waiting) {
    if (known.has(w.participant)) continue;
    next = w.name
      ? tell(next, 'waiting', w.name, { participant: w.participant })
      : { ...next, nameless: new Set([...next.nameless, w.participant]) };
  }
  return next;
}

/** @param {State} s @param {P.Permissions} m @returns {State} */
function permissions(s, m) {
  const may = (/** @type {Permission} */ what) => m.permissions.includes(what);
  const sources = s.sources.filter((source) => may(permissionFor(source)));
  const next = { ...s, role: m.role, permissions: m.permissions, sources, waiting: may('admit') ? s.waiting : [] };
  return m.role === 'host' && s.role !== 'host' ? tell(next, 'host', s.name) : next;
}

/** @param {State} s @param {P.PolicyEvent} m @returns {State} */
function policy(s, m) {
  if (!s.meeting) return s;
  const next = { ...s, meeting: { ...s.meeting, locked: m.locked, lobby: m.lobby } };
  return m.locked === s.meeting.locked ? next : tell(next, m.locked ? 'lock' : 'unlock', '');
}

/** @param {Source} source @returns {Permission} the permission that publishing it takes */
export function permissionFor(source) {
  return /** @type {const} */ ({
    mic: 'publish_mic',
    camera: 'publish_camera',
    screen: 'publish_screen',
    screen_audio: 'publish_screen',
  })[source];
}

/**
 * reduce returns the state after a server message. Messages it does not know leave the state as it is.
 * @param {State} s @param {ServerMessage} m @returns {State}
 */
export function reduce(s, m) {
  switch (m.type) {
    case 'lobby':
      return { ...s, phase: 'lobby', lobby: { title: m.title, waiting: m.waiting, hostsPresent: m.hosts_present } };
    case 'welcome':
      return welcome(s, m);
    case 'roster':
      return roster(s, m);
    case 'speakers':
      return { ...s, speakers: m.speakers };
    case 'slots':
      return slots(s, m);
    case 'chat':
      return chat(s, m);
    case 'waiting':
      return waiting(s, m);
    case 'permissions':
      return permissions(s, m);
    case 'policy':
      return policy(s, m);
    case 'spotlight':
      return spotlight(s, m);
    case 'quality':
      return quality(s, m);
    case 'ask_unmute':
      return s.hand > 0 && m.sources.includes('mic') ? { ...s, called: true } : s;
    case 'muted':
      return { ...s, sources: s.sources.filter((x) => !m.sources.includes(x)) };
    case 'bye':
      return { ...s, bye: { reason: m.reason, message: m.message } };
    default:
      return s;
  }
}

/** @param {State} s @param {Permission} what @returns {boolean} */
export const may = (s, what) => s.permissions.includes(what);

/** @param {State} s @returns {number} chat lines of others that were not on screen yet */
export const unread = (s) => s.chat.reduce((n, line) => n + (line.n > s.chatSeen && !line.own ? 1 : 0), 0);

/**
 * @param {State} s
 * @param {number} n
 * @returns {string} the name of a participant, the person's own included; empty when gone
 */
export const nameOf = (s, n) => (n === s.self ? s.name : (s.people.get(n)?.name ?? ''));

/** @param {State} s @returns {Person[]} those with raised hands, first raised first */
export function hands(s) {
  const list = [...s.people.values()];
  if (s.self) list.push(selfPerson(s));
  return list.filter((p) => p.hand > 0).sort((a, b) => a.hand - b.hand);
}

/**
 * away says whether others are to see that a participant is reconnecting: their sound and picture stopped. A WebSocket
 * that is lost alone counts only where nothing is known of their media.
 * @param {State} s @param {Person} p @returns {boolean}
 */
export function away(s, p) {
  const bars = s.bars.get(p.participant);
  return bars === undefined ? !p.connected : bars === 0;
}

/** @param {State} s @returns {Person} the person, in the shape of the others */
export function selfPerson(s) {
  return { participant: s.self, name: s.name, role: s.role, sources: [...s.sources], hand: s.hand, connected: true };
}
