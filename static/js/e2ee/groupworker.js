// The worker that holds the group: MLS state, chat, names (docs/e2ee.md). The page tells it what the server says and what
// the person does; it tells the page what to send and what to show, and the media worker what keys there are, over a port
// that the page has only passed on. One thing after the other.
/** @import {Event, MediaOrder, Output, View} from './types.js' */
/** @import {Identity} from './seat.js' */
/** @import {Link} from './link.js' */
import { base64url } from './bytes.js';
import { passwordSecrets } from './link.js';
import { Session } from './session.js';

/**
 * What the page says. 'port' once, at the start.
 * @typedef {{do: 'port', port: MessagePort}
 *   | {do: 'begin', call: number, meeting: string, link: Link, identity: Identity, name: string, room: Identity|null,
 *     password: string}
 *   | {do: 'event', event: Event}} GroupOrder
 */

/** @typedef {{say: 'answer', call: number, answer: any} | {say: 'out', out: Output[]} | {say: 'view', view: View}} GroupWord */

/** Views follow each other no faster, in ms; in large meetings each costs the page some time. */
const VIEW_MS = 30;
const VIEW_LARGE_MS = 200;
const LARGE = 60;
/** No tick sooner, in ms. */
const TICK_MS = 10;

const scope = /** @type {any} */ (globalThis);
/** @param {GroupWord} word */
const say = (word) => scope.postMessage(word);

/** @type {Session|null} */
let session = null;
/** @type {MessagePort|null} */
let media = null;
let queue = Promise.resolve();
let timer = 0;
let viewTimer = 0;
let shown = '';
let tried = '';
/** what the last password came to, so that joining again doesn't take long @type {Awaited<ReturnType<typeof passwordSecrets>>|null} */
let stretched = null;

const now = () => performance.now();

/** @param {() => Promise<void>} work */
function next(work) {
  queue = queue.then(work).catch(() => {}); // what fails is not sent, not opened, not shown
}

/** @param {MediaOrder} order */
const toMedia = (order) => media?.postMessage(order);

/** @param {Event} event */
async function handle(event) {
  const mine = session;
  if (!mine) return;
  const out = await mine.handle(event, now());
  if (session !== mine) return;
  for (const o of out) if (o.type === 'media') toMedia(o.order);
  const words = out.filter((o) => o.type !== 'media');
  if (words.length > 0) say({ say: 'out', out: words });
  const large = (mine.epoch?.members.size ?? 0) > LARGE;
  viewTimer ||= scope.setTimeout(show, large ? VIEW_LARGE_MS : VIEW_MS);
  clearTimeout(timer);
  const at = await mine.deadline(now());
  if (at < Infinity) {
    timer = scope.setTimeout(() => next(() => handle({ type: 'tick' })), Math.max(TICK_MS, at - now()));
  }
}

/** Tells the page what there is to show, if it is anything else than before. */
function show() {
  viewTimer = 0;
  if (!session) return;
  const view = session.view(now());
  const text = JSON.stringify(view);
  if (text !== shown) say({ say: 'view', view });
  shown = text;
}

/** @param {Extract<GroupOrder, {do: 'begin'}>} m a new seat, with new keys: those of the old one are forgotten */
async function begin({ call, meeting, link, identity, name, room, password }) {
  if (password && tried !== password) stretched = await passwordSecrets(link, meeting, password);
  tried = password;
  const p = password && stretched ? stretched.p : new Uint8Array(0);
  session = await Session.create({ meeting, link, identity, name, room, p });
  shown = '';
  toMedia({ order: 'over' });
  const verifier = password && stretched ? base64url(stretched.verifier) : '';
  say({ say: 'answer', call, answer: { announce: session.announce, verifier } });
}

/** @param {MessageEvent<GroupOrder>} event */
scope.onmessage = ({ data: m }) => {
  if (m.do === 'port') {
    media = m.port;
    media.onmessage = () => next(() => handle({ type: 'asked_log' })); // a frame of an epoch that isn't here
  } else if (m.do === 'begin') next(() => begin(m));
  else next(() => handle(m.event));
};
