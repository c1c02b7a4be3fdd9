// The shapes the pure modules share. Wire messages are those of docs/protocol.md.

/** @typedef {'mic'|'camera'|'screen'|'screen_audio'} Source */
/** @typedef {'host'|'cohost'|'participant'|'viewer'} Role */

/**
 * @typedef {object} Person somebody in the meeting, as the server describes them
 * @property {number} participant
 * @property {string} name
 * @property {Role} role
 * @property {Source[]} sources what is switched on
 * @property {number} hand 0, or the place in the order of raised hands
 * @property {boolean} connected false while the seat waits to be resumed
 */

/**
 * @typedef {object} Waiting somebody in the lobby
 * @property {number} participant
 * @property {string} name
 * @property {string} [email]
 * @property {string} since
 */

/**
 * @typedef {object} Meeting
 * @property {string} meeting
 * @property {string} title
 * @property {boolean} locked
 * @property {boolean} lobby
 * @property {string} expires_at
 * @property {string} server_time
 */

/** @typedef {{mid: string, participant: number, source?: Source, height?: number}} Slot */
/** @typedef {{participant: number, source: Source, height: number}} Want */
/** @typedef {'no_slot'|'not_published'|'muted'|'not_permitted'|'bandwidth'} Reason */
/** @typedef {{participant: number, source: Source, reason: Reason}} Withheld */

/**
 * @typedef {object} ChatLine
 * @property {number} n grows by one a line
 * @property {number} from
 * @property {string} name as it was when the line was said
 * @property {string} text
 * @property {string} at
 * @property {number} [to] set when it is private
 * @property {string} [toName]
 * @property {boolean} own
 */

/** @typedef {{type: string, id?: number, [field: string]: any}} ServerMessage any message of the server, before its type is known */

/**
 * @typedef {object} SessionInfo
 * @property {string} email
 * @property {string} expires_at
 * @property {boolean} can_host
 */

/**
 * @typedef {object} Config
 * @property {string} name
 * @property {string} operator
 * @property {string} version
 * @property {number} code_digits
 * @property {number} max_meeting_s
 * @property {boolean} guests
 */

/**
 * @typedef {object} MeetingInfo
 * @property {string} meeting
 * @property {string} title
 * @property {boolean} password
 * @property {boolean} lobby
 * @property {boolean} locked
 * @property {boolean} host
 * @property {number} participants
 * @property {string} expires_at
 */

export {};
