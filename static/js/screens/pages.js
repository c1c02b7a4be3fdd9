// Coming back: a page that is loaded again in a meeting, and a second page of this browser at the same meeting. What is
// kept is the meeting's id and the name, for this tab alone; no secret, and no key.

const KEY = 'conclave.here';
/** How long another page may take to answer, ms. */
const ANSWER_MS = 200;

/** @param {string} id @param {string} name notes that this tab is in a meeting */
export function stay(id, name) {
  try {
    sessionStorage.setItem(KEY, JSON.stringify({ id, name }));
  } catch {
    // a private window: a reload leads to the form
  }
}

/** part forgets that this tab is in a meeting. */
export function part() {
  try {
    sessionStorage.removeItem(KEY);
  } catch {
    // as above
  }
}

/**
 * @param {string} id
 * @returns {string} the name with which this tab was in the meeting before it was loaded again; empty when it was not
 */
export function returning(id) {
  try {
    const [how] = /** @type {PerformanceNavigationTiming[]} */ (performance.getEntriesByType('navigation'));
    const here = JSON.parse(sessionStorage.getItem(KEY) ?? '{}');
    return how?.type === 'reload' && here.id === id && typeof here.name === 'string' ? here.name : '';
  } catch {
    return '';
  }
}

/** @typedef {{ask?: string, here?: string, name?: string, leave?: string}} Message a meeting's id */

/**
 * The pages of this browser at one meeting.
 * @param {string} id
 * @param {{inside: () => string, found: (name: string) => void, leave: () => void}} page inside: the name with which
 *   this page is in the meeting, empty when it is not. found: another page is in it. leave: the person goes on in
 *   another page
 * @returns {{look: () => void, elsewhere: () => Promise<boolean>, takeOver: () => void, close: () => void}} look: asks
 *   whether another page is in the meeting. elsewhere: the same, with the answer. takeOver: has it leave
 */
export function pagesAt(id, page) {
  if (typeof BroadcastChannel !== 'function') {
    return { look() {}, elsewhere: async () => false, takeOver() {}, close() {} };
  }
  const channel = new BroadcastChannel('conclave');
  let answered = () => {};
  const say = (/** @type {Message} */ message) => channel.postMessage(message);
  channel.onmessage = ({ data }) => {
    const m = /** @type {Message} */ (data ?? {});
    const name = page.inside();
    if (m.ask === id && name) say({ here: id, name });
    else if (m.here === id && !name) {
      answered();
      page.found(String(m.name ?? ''));
    } else if (m.leave === id && name) page.leave();
  };
  const look = () => say({ ask: id });
  return {
    look,
    elsewhere: () =>
      new Promise((resolve) => {
        answered = () => resolve(true);
        setTimeout(() => resolve(false), ANSWER_MS);
        look();
      }),
    takeOver: () => say({ leave: id }),
    close: () => channel.close(),
  };
}
