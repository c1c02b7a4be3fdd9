// Types only: what the rooms of the call page (view, panels, security) share. They import one another in one
// direction, view → panels → security, and never the call itself, which reaches them in this context.
/** @import {App} from '../main.js' */
/** @import {Call} from './call.js' */
/** @import {Stage} from './view/stage.js' */
/** @import {Command} from '../core/keymap.js' */
/** @import {Store} from '../ui/store.js' */

/** @typedef {''|'chat'|'people'|'polls'|'breakouts'|'info'|'stats'|'security'} PanelName */

/**
 * @typedef {object} CallUI what the person chose to see; theirs alone
 * @property {PanelName} panel
 * @property {'auto'|'grid'|'speaker'} mode
 * @property {string} pin key of a tile
 * @property {number} page @property {number} pages
 * @property {number} tiles most tiles a page
 * @property {boolean} hideSelf @property {boolean} mirror @property {boolean} shortcuts
 * @property {boolean} floating there is a small window over other programs
 * @property {boolean} low sound first, and one picture
 * @property {number} chatTo participant a message goes to, 0 for everyone
 */

/**
 * @typedef {object} CallContext
 * @property {App} app
 * @property {Call} call
 * @property {Store<CallUI>} ui
 * @property {Visit|null} visit in a breakout room: the way back
 * @property {Stage} stage
 * @property {Record<Command, () => void>} verbs
 * @property {(stop: () => void) => void} cleanup registers what ends with the screen
 */

/**
 * @typedef {object} Visit
 * @property {number} n of the room @property {Call} main the meeting whose room it is
 * @property {() => void} back to the meeting @property {() => void} leave leaves the room and the meeting
 */

/** @typedef {{number: number, key: string, kind: 'ingest'|'egress', name: string}} StreamKey made on this page */

/** @typedef {{el: HTMLElement, focus?: () => void, destroy: () => void}} PanelContent */

export {};
