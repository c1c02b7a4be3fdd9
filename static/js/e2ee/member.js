// Somebody else in the meeting, as far as their keys go: what they announced, whether they are admitted, the channel to them.
/** @import {Bytes} from './bytes.js' */
/** @import {Announcement} from './announce.js' */
/** @import {Credential} from './credential.js' */
/** @import {Channel} from './channel.js' */

/** @typedef {{gen: number, step: number, at: number, tries: number}} Owed a key they have not acknowledged; sealed again at a time */

/** One other participant. */
export class Member {
  /** null: what they announced is not genuine, and they get and say nothing @type {Announcement|null} */
  announce = null;
  /** the announcement as it was first seen, base64url */
  shown;
  /** @type {Channel|null} */
  channel = null;
  creator = false;
  /** @type {Credential|null} the newest */
  credential = null;
  admitted = false;
  name = '';
  bot = false;
  /** in the lobby, or, while oneself waits, one of those who may admit */
  outside = false;
  connected = true;
  /** @type {boolean|null} what the person decided; null: nothing yet */
  consent = null;
  /** what a bot asks consent for; null: it has not asked @type {string|null} */
  asks = null;
  /** opened, but said before they were admitted @type {{plain: Bytes, until: number}[]} */
  early = [];
  /** gets our keys */
  recipient = false;
  /** was told our name (and our credential) */
  greeted = false;
  /** @type {Owed|null} */
  owed = null;
  /** the latest roster hash of theirs that was not ours, when they said it, and since when there was no other @type {{hash: Bytes, heardAt: number, since: number, askAt: number}|null} */
  doubt = null;
  /** when we last said what we see because they asked */
  answeredAt = 0;
  /** they do not see the people we see */
  differs = false;
  /** messages that did not open */
  refused = 0;

  /** @param {number} participant @param {string} shown */
  constructor(participant, shown) {
    this.participant = participant;
    this.shown = shown;
  }

  /** @returns {boolean} whether they may have our keys and our words */
  get wanted() {
    return this.announce !== null && this.admitted && !this.outside && (this.consent ?? !this.bot);
  }
}
