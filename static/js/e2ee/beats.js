// Heartbeats: whether one still hears those who matter (docs/e2ee.md, section 11). Pure; time is an argument.
/** @import {Epoch, Member} from './epoch.js' */
import { heirsOf } from './rules.js';
import { has } from './policy.js';

const BEAT_MS = 10_000;
const WARN_MS = 45_000;
const STOP_MS = 75_000;
/** In a group of up to so many everybody sends them. */
const SMALL = 50;
/** Members whose beats count where there is neither host nor heir. */
const STAND_INS = 8;

/** @param {Epoch} epoch @returns {Member[]} whose beats count: hosts', else heirs', else those of the first leaves */
function witnesses(epoch) {
  const { hosts } = epoch;
  if (hosts.length > 0) return hosts;
  const heirs = heirsOf(epoch.meeting).map((g) => g.key);
  const here = [...epoch.members.values()].filter((m) => has(heirs, m.ik));
  return here.length > 0 ? here : [...epoch.members.values()].sort((a, b) => a.leaf - b.leaf).slice(0, STAND_INS);
}

/** @param {Epoch} epoch @returns {boolean} whether oneself sends them */
const sends = (epoch) => epoch.members.size <= SMALL || witnesses(epoch).includes(epoch.self);

/** @param {Epoch} epoch @returns {Member[]} the witnesses beside oneself; where one is the only one, anybody */
function counted(epoch) {
  const others = witnesses(epoch).filter((m) => m !== epoch.self);
  if (others.length > 0 || epoch.members.size > SMALL) return others;
  return [...epoch.members.values()].filter((m) => m !== epoch.self);
}

/** The beats of one seat. */
export class Beats {
  /** when something that counts was heard last, or waiting began */
  #heardAt = 0;
  #sendAt = 0;
  /** whose beats are waited for @type {string} */
  #whose = '';

  /** @param {number} now waiting starts anew: one has just joined, or one's own connection is back */
  restart(now) {
    this.#heardAt = now;
  }

  /** @param {Epoch} epoch @param {Member} from @param {number} now a beat, or anything else they signed */
  heard(epoch, from, now) {
    if (counted(epoch).some((m) => m.key === from.key)) this.#heardAt = now;
  }

  /** @param {Epoch} epoch @param {number} now those who matter may be others now */
  entered(epoch, now) {
    const whose = counted(epoch)
      .map((m) => m.key)
      .sort()
      .join();
    const had = new Set(this.#whose.split(','));
    if (!whose.split(',').some((k) => had.has(k))) this.#heardAt = now;
    this.#whose = whose;
  }

  /** @param {Epoch} epoch @param {number} now @returns {boolean} whether one is due */
  due(epoch, now) {
    if (now < this.#sendAt || !sends(epoch)) return false;
    this.#sendAt = now + BEAT_MS;
    return true;
  }

  /** @param {number} now @returns {'ok'|'warn'|'stopped'} */
  state(now) {
    if (this.#whose === '') return 'ok';
    const silent = now - this.#heardAt;
    return silent >= STOP_MS ? 'stopped' : silent >= WARN_MS ? 'warn' : 'ok';
  }

  /** @param {Epoch} epoch @param {number} now @param {boolean} able whether one may send them @returns {number} */
  deadline(epoch, now, able) {
    const marks = this.#whose === '' ? [] : [this.#heardAt + WARN_MS, this.#heardAt + STOP_MS];
    const send = able && sends(epoch) ? this.#sendAt : Infinity;
    return Math.min(send, ...marks.filter((at) => at > now));
  }
}
