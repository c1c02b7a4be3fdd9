// What there is to show: the list of people is the group, whatever the server says (docs/e2ee.md, section 15).
/** @import {Session} from './session.js' */
/** @import {OutsideView, PersonView, RoleName, View} from './types.js' */
import { base64url } from './bytes.js';
import { heirsOf } from './rules.js';
import { has } from './policy.js';

/** @type {readonly RoleName[]} */
export const ROLES = ['viewer', 'participant', 'cohost', 'host'];

/** @param {Session} s @returns {PersonView[]} */
function people(s) {
  const { epoch } = s;
  if (!epoch || epoch.number === 0n) return [];
  const lost = new Set(s.losses.leaves);
  return [...epoch.members.values()].map((m) => ({
    key: m.key,
    leaf: m.leaf,
    participant: m === epoch.self ? s.participant : s.roster.number(m.key),
    name: m.name,
    role: ROLES[m.role],
    bot: m.seat.bot,
    self: m === epoch.self,
    connected: m === epoch.self || s.roster.connected(m.key),
    confirmed: m === epoch.self || (s.signed.get(m.key) ?? -1n) >= s.since,
    leaving: lost.has(m.leaf),
  }));
}

/** @param {Session} s @returns {OutsideView[]} */
function outside(s) {
  const out = [];
  for (const { participant, key, name, kind } of s.roster.seats.values()) {
    if (participant === s.participant || (key && s.epoch?.members.has(key))) continue;
    const opened = key && name ? (s.names.get(key + base64url(name)) ?? '') : '';
    out.push({ participant, key, name: opened, kind, ...s.outsiders.about(key) });
  }
  return out;
}

/** @param {Session} s @returns {View['state']} */
function stateOf(s) {
  if (s.removed && !s.epoch) return 'removed';
  if (!s.epoch) return s.participant ? 'joining' : 'apart';
  if (s.epoch.number === 0n) return 'joining';
  return s.confirmed ? 'in' : 'unconfirmed';
}

/** @param {Session} s @param {number} now @returns {View} */
export function viewOf(s, now) {
  const { epoch } = s;
  const hostless = epoch !== null && epoch.number > 0n && epoch.hosts.length === 0;
  const heirs = epoch ? heirsOf(epoch.meeting).map((g) => g.key) : [];
  return {
    state: stateOf(s),
    epoch: String(epoch?.number ?? ''),
    lobby: epoch?.meeting.lobby ?? s.o.link.lobby,
    sending: s.gate.media(now),
    beats: epoch ? s.beats.state(now) : 'ok',
    waiting: epoch !== null && now >= s.losses.sayAt,
    stuck: s.stuck,
    culprit: s.blame.culprit,
    hostless,
    heirless: hostless && epoch !== null && ![...epoch.members.values()].some((m) => has(heirs, m.ik)),
    falseGroup: s.falseGroup,
    linkOnly: s.newcomer.linkOnly,
    people: people(s),
    outside: outside(s),
    lobbyNames: s.waiting,
  };
}
