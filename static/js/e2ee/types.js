// The shapes that go in and out of the encryption's state machine (docs/e2ee.md). Those of the wire are the protocol's
// own: what the server says goes in as it came, and what is to be sent comes out as the fields of a request. Keys are
// base64url: a person is known by their key, and a participant number is only the server's handle. Times are monotonic
// milliseconds.

/**
 * @typedef {object} RosterEntry what is needed of a roster or waiting entry
 * @property {number} participant @property {string} [announce] @property {string} [kind] @property {boolean} [connected]
 */

/** @typedef {{position: number, data: string, from: number}} LogEntry from 0: the server */
/** @typedef {{type: 'broadcast', from: number, kind: string, at: string, data: string}} Broadcast */
/** @typedef {{participant: number, leaf: number, secrets: string}} Joiner */
/** @typedef {'viewer'|'participant'|'cohost'|'host'} RoleName */

/**
 * From the server: 'welcome' to 'broadcast'. 'connection': one's own connection to the server was lost, or is back.
 * 'refused': a request that came out of here failed. 'asked_log': a frame is of an epoch that isn't
 * here. The rest is what the person does:
 *
 * - 'admit': makes an admission for each who waits: 'admissions' comes out
 * - 'role': gives a role by a commit. 'remove': removes by a commit, and locks with `lock`
 * - 'policy': turns the lobby on or off. 'rename': one's own name
 * - 'say': to everybody. 'private': to one
 * - 'pair': asks for the lasting number with a key: 'number' comes out
 * - 'compare': asks everybody to compare the number of this epoch
 * - 'consent': whether one outside, who asked, may hear one. 'live': which sources are on
 * - 'leave': one's own goodbye, before the protocol's `leave`
 * @typedef {{type: 'welcome', participant: number, participants: RosterEntry[], waiting?: RosterEntry[], admit?: string,
 *     resumed: boolean}
 *   | {type: 'roster', joined?: RosterEntry[], changed?: RosterEntry[], left?: {participant: number}[]}
 *   | {type: 'waiting', waiting: RosterEntry[]}
 *   | {type: 'group', server_key: string, position: number, epoch: number, found?: boolean, group_id?: string}
 *   | {type: 'log', entries: LogEntry[]}
 *   | {type: 'key_packages', turn: number, packages: {participant: number, data: string}[]}
 *   | {type: 'secrets', group_info: string, position: number, joiners: Joiner[]}
 *   | {type: 'stuck', epoch: number, hash: string, participant?: number}
 *   | {type: 'relays', relays: {from: number, data: string}[]}
 *   | Broadcast
 *   | {type: 'connection', up: boolean}
 *   | {type: 'refused', what: string}
 *   | {type: 'admit', participants: number[]}
 *   | {type: 'role', key: string, role: RoleName}
 *   | {type: 'remove', keys: string[], lock?: boolean}
 *   | {type: 'policy', lobby: boolean}
 *   | {type: 'rename', name: string}
 *   | {type: 'say', kind: 'chat'|'reaction'|'app', text: string}
 *   | {type: 'private', kind: 'chat'|'app', to: number, text: string}
 *   | {type: 'pair', key: string}
 *   | {type: 'compare'}
 *   | {type: 'consent', key: string, given: boolean}
 *   | {type: 'live', sources: readonly string[]}
 *   | {type: 'leave'}
 *   | {type: 'asked_log'}
 *   | {type: 'tick'}} Event
 */

/**
 * 'send' is a request of the protocol; about: for those who watch, what it says. 'media' is for the media worker alone and never reaches the page. 'chat', 'app'
 * and 'reaction' are what was said; from: a participant number, 0 where the server names none, and `key` in any case.
 * @typedef {{type: 'send', what: string, fields: Record<string, any>, about?: string}
 *   | {type: 'media', order: MediaOrder}
 *   | {type: 'chat', from: number, key: string, to?: number, text: string, at: number}
 *   | {type: 'app', from: number, key: string, to?: number, text: string}
 *   | {type: 'reaction', from: number, key: string, reaction: string}
 *   | {type: 'admissions', list: {participant: number, admit: string}[], missing: number}
 *   | {type: 'number', key: string, number: string}
 *   | {type: 'compare', by: string, epoch: string, number: string, people: string[], ms: number}
 *   | {type: 'asked', key: string, participant: number, what: string}
 *   | {type: 'unsent', to: number}
 *   | {type: 'promoted', key: string}} Output
 */

/**
 * What the group tells the media worker. 'epoch': keys of a new one; members: leaf and key; atOnce: one does not go on
 * under the one before. 'outside': the secret of a sender outside the group, for one epoch. 'may': whether frames may be
 * sent, and in how many ms they may not any more. 'owners': whose number is whose key; null: nobody's any more.
 * @typedef {{order: 'epoch', epoch: bigint, base: Uint8Array<ArrayBuffer>, leaf: number, members: [number, string][],
 *     removal: boolean, atOnce: boolean}
 *   | {order: 'outside', epoch: bigint, number: number, owner: string, base: Uint8Array<ArrayBuffer>}
 *   | {order: 'may', send: boolean, haltIn: number|null}
 *   | {order: 'owners', owners: [number, string|null][]}
 *   | {order: 'over'}} MediaOrder
 */

/**
 * @typedef {object} PersonView one leaf of the group, whether the server speaks of it or not
 * @property {string} key @property {number} leaf
 * @property {number} participant the server's handle; 0 where it names none
 * @property {string} name empty where it can't be opened
 * @property {RoleName} role in the group @property {boolean} bot @property {boolean} self
 * @property {boolean} connected as the server says it
 * @property {boolean} confirmed they signed something since one joined
 * @property {boolean} leaving their removal is awaited
 */

/**
 * @typedef {object} OutsideView who is here without a leaf: a recorder, an ingest, a bot; or who is on their way in
 * @property {string} key empty where the announcement isn't right @property {number} participant
 * @property {string} name @property {string} kind
 * @property {boolean} asked they asked whether they may hear one
 * @property {boolean|null} consent what the person decided; null: nothing yet
 */

/**
 * @typedef {object} View
 * @property {'apart'|'joining'|'unconfirmed'|'in'|'removed'} state apart: no group yet. unconfirmed: no host has said
 *   anything that one could open
 * @property {string} epoch
 * @property {boolean} lobby as the group has it
 * @property {boolean} sending whether what one says and shows goes out now
 * @property {'ok'|'warn'|'stopped'} beats whether those who matter are heard
 * @property {boolean} waiting sending waits for a removal, for more than 3 s
 * @property {boolean} stuck a commit didn't open: one comes back by oneself
 * @property {string} culprit the key of who made commits that others can't open; for hosts
 * @property {boolean} hostless no host has a leaf @property {boolean} heirless nor anybody who could become one
 * @property {boolean} falseGroup one was shown a group that is not the meeting of the link
 * @property {boolean} linkOnly only the link vouches for this group: no waiting room and no host
 * @property {PersonView[]} people @property {OutsideView[]} outside
 * @property {{participant: number, name: string, key: string}[]} lobbyNames who waits
 */

export {};
