// The polls of one call: joins core/polls to what pages tell each other. The asker's page receives the votes, counts,
// and tells the result; the others show what they are told.
/** @import {Call} from './call.js' */
/** @import {AppEvent} from '../protocol-types.js' */
/** @import {Ask, Poll, Results} from '../core/polls.js' */
import { createStore } from '../ui/store.js';
import { asked, heard, maskText, read, tally, voted, withoutGone } from '../core/polls.js';

/** Newcomers are told of an open poll this long after the last of them came: they need the keys first. */
const REPEAT_MS = 2000;
/** Results of an open poll are told at most this often, and less often the longer they are. */
const RESULTS_MS = 1000;
const RESULTS_MS_A_BYTE = 1;

/** @typedef {{polls: readonly Poll[], votes: ReadonlyMap<number, number>}} Shown votes: on one's own poll */

export class Polls {
  store = createStore(/** @type {Shown} */ ({ polls: [], votes: new Map() }));
  /** names of voters, as they were when they voted @type {Map<number, string>} */
  #names = new Map();
  #call;
  #told = '';
  #repeatTimer = 0;
  #resultsTimer = 0;
  #stop;

  /** @param {Call} call */
  constructor(call) {
    this.#call = call;
    this.#stop = call.store.watch(
      (p) => p.state.people,
      (now, before) => this.#rosterChanged(now, before ?? now),
    );
  }

  /** @returns {Poll|undefined} one's own that is open */
  get own() {
    const { self } = this.#call.store.get().state;
    return this.store.get().polls.find((p) => p.from === self && p.phase === 'open');
  }

  #here = (/** @type {number} */ n) => {
    const { people, self } = this.#call.store.get().state;
    return n === self || people.has(n);
  };

  /** @param {number} n @returns {string} also of voters who have left */
  nameOf(n) {
    const { people, self, name } = this.#call.store.get().state;
    return (n === self ? name : people.get(n)?.name) || this.#names.get(n) || '';
  }

  /** @param {AppEvent} m */
  hear(m) {
    const said = read(m.text);
    if (!said) return;
    if (said.poll === 'vote') return m.to ? this.#hearVote(m.from, said.id, Number.parseInt(said.mask, 16)) : undefined;
    const p = this.#call.store.get().state.people.get(m.from);
    const { polls, news } = heard(this.store.get().polls, { from: m.from, name: p?.name ?? '', role: p?.role }, said);
    this.store.set((s) => ({ ...s, polls }));
    if (said.poll === 'results') for (const [n] of said.named) this.#remember(n);
    const poll = polls.find((x) => x.from === m.from && x.ask.id === said.id);
    if (news) this.#call.tell('poll', { what: news, poll });
  }

  /** @param {number} n */
  #remember(n) {
    const name = this.#call.store.get().state.people.get(n)?.name;
    if (name && this.#names.size < 1000) this.#names.set(n, name);
  }

  /** @param {number} from @param {string} id @param {number} mask */
  #hearVote(from, id, mask) {
    const { own } = this;
    if (own?.ask.id !== id) return;
    const votes = voted(this.store.get().votes, own.ask, from, mask, this.#here);
    if (votes === this.store.get().votes) return;
    this.#remember(from);
    this.#counted(votes);
  }

  /** @param {ReadonlyMap<number, number>} votes */
  #counted(votes) {
    const { own } = this;
    if (!own) return;
    this.#put(own, { results: tally(votes, own.ask, this.#here, false) });
    this.store.set((s) => ({ ...s, votes }));
    if (own.ask.live) this.#tellResultsSoon();
  }

  /** @param {Poll} poll perhaps as it was a moment ago @param {Partial<Poll>} change */
  #put({ from, ask }, change) {
    const same = (/** @type {Poll} */ p) => p.from === from && p.ask.id === ask.id;
    this.store.set((s) => ({ ...s, polls: s.polls.map((p) => (same(p) ? { ...p, ...change } : p)) }));
  }

  #tellResultsSoon() {
    if (this.#resultsTimer) return;
    const wait = RESULTS_MS + RESULTS_MS_A_BYTE * this.#told.length;
    this.#resultsTimer = window.setTimeout(() => {
      this.#resultsTimer = 0;
      const { own } = this;
      if (own?.results && own.ask.live) this.#tell(own.results);
    }, wait);
  }

  /** @param {Ask|Results} what @returns {Promise<boolean>} */
  #tell(what) {
    const text = JSON.stringify(what);
    if (what.poll === 'results') this.#told = text;
    return this.#call.request('app', { text });
  }

  /** @param {ReadonlyMap<number, unknown>} now @param {ReadonlyMap<number, unknown>} before */
  #rosterChanged(now, before) {
    const polls = withoutGone(this.store.get().polls, this.#here);
    if (polls !== this.store.get().polls) this.store.set((s) => ({ ...s, polls }));
    const { own } = this;
    if (!own) return;
    if ([...this.store.get().votes.keys()].some((n) => !this.#here(n))) this.#counted(this.store.get().votes);
    if (![...now.keys()].some((n) => !before.has(n))) return;
    clearTimeout(this.#repeatTimer);
    this.#repeatTimer = window.setTimeout(() => void this.#repeat(), REPEAT_MS);
  }

  /** Newcomers learn of the open poll; the others know it and pass over it. */
  async #repeat() {
    const { own } = this;
    if (!own || !(await this.#tell(own.ask))) return;
    if (own.ask.live && own.results) await this.#tell(own.results);
  }

  /**
   * ask asks everybody.
   * @param {{q: string, choices: string[], multiple: boolean, named: boolean, live: boolean}} what
   * @returns {Promise<boolean>} false: it could not be sent, and the person was told
   */
  async ask(what) {
    const id = [...crypto.getRandomValues(new Uint8Array(8))].map((b) => b.toString(16).padStart(2, '0')).join('');
    /** @type {Ask} */
    const ask = { poll: 'ask', id, ...what };
    if (!(await this.#tell(ask))) return false;
    const { self, name } = this.#call.store.get().state;
    this.store.set((s) => ({ polls: asked(s.polls, { from: self, name }, ask), votes: new Map() }));
    this.#counted(new Map());
    return true;
  }

  /** @param {Poll} poll @param {number} mask @returns {Promise<boolean>} */
  async vote(poll, mask) {
    const { self } = this.#call.store.get().state;
    if (poll.from === self) {
      this.#put(poll, { mine: mask });
      this.#counted(voted(this.store.get().votes, poll.ask, self, mask, this.#here));
      return true;
    }
    const text = JSON.stringify({ poll: 'vote', id: poll.ask.id, mask: maskText(mask) });
    const sent = await this.#call.request('app', { to: poll.from, text });
    if (sent) this.#put(poll, { mine: mask });
    return sent;
  }

  /** end closes one's own poll and tells everybody the result. */
  async end() {
    const { own } = this;
    if (!own) return;
    const results = tally(this.store.get().votes, own.ask, this.#here, true);
    if (await this.#tell(results)) this.#put(own, { results, phase: 'closed' });
  }

  close() {
    this.#stop();
    clearTimeout(this.#repeatTimer);
    clearTimeout(this.#resultsTimer);
  }
}
