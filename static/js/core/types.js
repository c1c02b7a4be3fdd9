// The shapes the modules share. Those of the wire come from the Go structs, so that a change there is found by tsc
// here.

/** @import * as P from '../protocol-types.js' */

/** @typedef {P.Source} Source */
/** @typedef {P.Role} Role */
/** @typedef {P.Permission} Permission */
/** @typedef {P.RosterEntry} Person a participant, as the server describes them */
/** @typedef {P.WaitingEntry} Waiting a person in the lobby */
/** @typedef {P.MeetingState} Meeting */
/** @typedef {P.Slot} Slot */
/** @typedef {P.Want} Want */
/** @typedef {P.Withheld} Withheld */
/** @typedef {P.ServerMessage} ServerMessage */
/** @typedef {P.ClientMessage} ClientMessage */
/** @typedef {P.Session} SessionInfo */
/** @typedef {P.Config} Config */
/** @typedef {P.Code} SentCode */
/** @typedef {P.CodeState} CodeState */
/** @typedef {P.MeetingInfo} MeetingInfo */

/**
 * @template {ClientMessage['type']} T
 * @typedef {Omit<Extract<ClientMessage, {type: T}>, 'type'|'id'>} Fields what a request of a type says besides its id
 */

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

export {};
