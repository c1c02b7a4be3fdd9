// The shapes that go in and out of the encryption's state machine. Those of the wire are the protocol's own.
/** @import {RosterEntry as WireRosterEntry} from '../protocol-types.js' */

/** @typedef {Pick<WireRosterEntry, 'participant'|'announce'|'admit'|'grant'|'kind'> & {connected?: boolean}} RosterEntry what it needs of somebody */

/** @typedef {{type: 'broadcast', from: number, kind: string, at: string, data: string}} Broadcast */

/**
 * @typedef {{type: 'welcome', participant: number, participants: RosterEntry[], waiting?: RosterEntry[], admit?: string, grant?: string, resumed: boolean}
 *   | {type: 'roster', joined?: RosterEntry[], changed?: RosterEntry[], left?: {participant: number}[]}
 *   | {type: 'lobby', hosts?: RosterEntry[]}
 *   | {type: 'waiting', waiting: RosterEntry[]}
 *   | {type: 'relays', relays: {from: number, data: string}[]}
 *   | Broadcast
 *   | {type: 'sources', live: boolean}
 *   | {type: 'say', kind: 'chat'|'reaction'|'app', text: string}
 *   | {type: 'private', kind: 'chat'|'app', to: number, text: string}
 *   | {type: 'consent', participant: number, given: boolean}
 *   | {type: 'auto_admit', on: boolean}
 *   | {type: 'credential', participant: number, credential: string}
 *   | {type: 'tick'}} Event
 */

/**
 * @typedef {{type: 'relay', to: {participant: number, data: string}[]}
 *   | {type: 'broadcast', kind: 'chat'|'reaction'|'app', data: string}
 *   | {type: 'chat', from: number, to?: number, text: string, at: number}
 *   | {type: 'app', from: number, to?: number, text: string}
 *   | {type: 'reaction', from: number, reaction: string}
 *   | {type: 'keys', participant: number}
 *   | {type: 'unsent', to: number}} Output
 */

/**
 * @typedef {object} PersonView what there is to show of somebody's keys
 * @property {number} participant @property {string} name @property {boolean} bot
 * @property {'ok'|'invalid'|'outside'} status outside: not admitted by a host
 * @property {string} ik base64url; empty when invalid
 * @property {boolean} hears gets our keys
 * @property {boolean} differs does not see the people we see
 * @property {string|null} asks what a bot asks consent for
 * @property {boolean|null} consent what the person decided
 */

/** @typedef {{code: string, admitted: boolean, open: boolean, ready: boolean, people: PersonView[]}} View open: no waiting room in the link */

export {};
