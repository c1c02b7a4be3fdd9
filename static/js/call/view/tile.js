// One tile: a participant's camera or screen, their name, and their state.
/** @import {CallContext} from '../context.js' */
/** @import {PlacedTile} from '../../core/tiles.js' */
/** @import {Box} from '../../core/layout.js' */
/** @import {State} from '../../core/state.js' */
/** @import {Person} from '../../core/types.js' */
import { h, attr, setHidden, setText } from '../../ui/dom.js';
import { icon } from '../../ui/icons.js';
import { openMenu } from '../../ui/menu.js';
import { t } from '../../i18n/i18n.js';
import { hue, initials } from '../../core/text.js';
import { away, may, selfPerson } from '../../core/state.js';
import { bars } from '../../ui/bars.js';
import { kindWord, personActions, spotlightItem } from '../panels/person.js';
import { personState } from '../security/trust.js';
import { isConfidential, watermark } from '../security/confidential.js';

/** The element of one tile. */
export class TileElement {
  #context;
  #id;
  #media = h('div', { class: 'tile-media' });
  #avatar = h('span', { class: 'avatar', 'aria-hidden': 'true' });
  #name = h('span', { class: 'tile-name', dir: 'auto', 'data-testid': 'tile-name' });
  #kind = h('span', { class: 'badge kind', 'data-testid': 'tile-kind' });
  #muted = h('span', { class: 'tile-muted' }, icon('micOff'));
  #bars = h('span', { class: 'tile-bars', 'data-testid': 'tile-quality', hidden: true });
  #lit = h('span', { class: 'badge lit', 'data-testid': 'tile-spotlight', hidden: true }, icon('spotlight'));
  #key = h('span', { class: 'badge alarm', hidden: true, 'data-testid': 'tile-key' }, icon('warn'));
  #hand = h('span', { class: 'badge hand', 'data-testid': 'tile-hand' }, icon('hand'), h('span'));
  #starting = h('p', { class: 'tile-starting', hidden: true, 'data-testid': 'tile-starting' });
  #note = h('p', { class: 'tile-note' });
  #away = h('p', { class: 'tile-away' }, t('reconnecting'));
  #menu;
  /** @type {HTMLVideoElement|null} the person's own picture */
  #own = null;
  /** @type {Box|null} */
  #box = null;
  el;

  /** @param {CallContext} context @param {PlacedTile} tile */
  constructor(context, tile) {
    this.#context = context;
    this.#id = tile.key;
    this.#menu = h(
      'button',
      {
        class: 'icon-button tile-menu',
        type: 'button',
        'aria-haspopup': 'menu',
        'data-testid': 'tile-menu',
        onclick: () => this.#openMenu(tile),
      },
      icon('more'),
    );
    this.el = h(
      'article',
      {
        class: 'tile',
        'data-testid': 'tile',
        'data-participant': tile.participant,
        'data-source': tile.source,
        'data-self': tile.self,
        ondblclick: () => this.#pin(),
      },
      h('div', { class: 'tile-back' }, this.#avatar, this.#starting),
      this.#media,
      this.#note,
      this.#away,
      h('div', { class: 'tile-label' }, this.#muted, this.#name, this.#kind, this.#bars),
      h('div', { class: 'tile-badges' }, this.#key, this.#lit, this.#hand),
      this.#menu,
    );
    if (isConfidential(context)) this.#media.after(watermark(context));
    if (tile.self) {
      this.#own = h('video', {
        autoplay: true,
        playsinline: true,
        muted: true,
        disablepictureinpicture: true,
        tabindex: '-1',
        'data-testid': 'self-video',
      });
      this.#media.append(this.#own);
    }
  }

  #pin() {
    this.#context.ui.set((u) => ({ ...u, pin: u.pin === this.#id ? '' : this.#id, page: 0 }));
  }

  /** @param {PlacedTile} tile */
  #openMenu(tile) {
    const { ui, call } = this.#context;
    const { state } = call.store.get();
    const pinned = ui.get().pin === this.#id;
    const person = tile.self ? selfPerson(state) : state.people.get(tile.participant);
    openMenu(
      this.#menu,
      [
        {
          label: t(pinned ? 'tile.unpin' : 'tile.pin'),
          icon: pinned ? 'unpin' : 'pin',
          act: () => this.#pin(),
          testid: 'pin',
        },
        tile.self && may(state, 'spotlight') && spotlightItem(this.#context, state.self),
        ...(person && !tile.self ? personActions(this.#context, person) : []),
      ],
      this.#menu.getAttribute('aria-label') ?? '',
    );
  }

  /**
   * @param {PlacedTile} tile @param {State} s @param {HTMLVideoElement|null} video of the slot that carries it
   * @param {boolean} glide whether it may be seen moving: not when the window is being resized, which tiles should
   *   follow at once
   */
  update(tile, s, video, glide) {
    const person = tile.self ? selfPerson(s) : s.people.get(tile.participant);
    if (!person) return;
    attr(this.el, 'data-participant', String(tile.participant));
    this.#move(tile, glide);
    this.#show(tile, video);
    this.#describe(tile, person, s);
  }

  /** @param {PlacedTile} tile @param {boolean} glide */
  #move({ box, role }, glide) {
    const { style } = this.el;
    const before = this.#box;
    if (
      before &&
      before.x === box.x &&
      before.y === box.y &&
      before.w === box.w &&
      before.h === box.h &&
      this.el.dataset.role === role
    ) {
      return;
    }
    this.#box = box;
    if (glide && before && before.w > 0 && box.w > 0) this.#glide(before, box);
    style.transform = `translate(${box.x}px, ${box.y}px)`;
    style.width = `${box.w}px`;
    style.height = `${box.h}px`;
    style.setProperty('--tile-size', `${Math.min(box.w, box.h)}px`);
    attr(this.el, 'data-role', role);
    this.el.classList.toggle('tiny', box.w < 170 || box.h < 90);
  }

  /** @param {Box} from @param {Box} to moves by transform alone, which costs no layout however many tiles there are */
  #glide(from, to) {
    if (matchMedia('(prefers-reduced-motion: reduce)').matches) return;
    this.el.animate(
      [
        { transform: `translate(${from.x}px, ${from.y}px) scale(${from.w / to.w}, ${from.h / to.h})` },
        { transform: `translate(${to.x}px, ${to.y}px)` },
      ],
      { duration: 220, easing: 'cubic-bezier(0.2, 0, 0, 1)' },
    );
  }

  /** @param {PlacedTile} tile @param {HTMLVideoElement|null} video */
  #show(tile, video) {
    if (this.#own) {
      const { camera } = this.#context.call.local.store.get();
      const shown = /** @type {MediaStream|null} */ (this.#own.srcObject)?.getTracks()[0] ?? null;
      if (shown !== camera) this.#own.srcObject = camera ? new MediaStream([camera]) : null;
      this.#own.classList.toggle('mirrored', this.#context.ui.get().mirror);
      setHidden(this.#own, !camera);
      return;
    }
    if (video && video.parentNode !== this.#media) {
      this.#media.replaceChildren(video); // the one before goes back to the pool in the same task
      if (video.paused) video.play().catch(() => {});
    } else if (!video && !tile.self && this.#media.firstChild) {
      this.#media.replaceChildren();
    }
  }

  /** @param {PlacedTile} tile @param {Person} person @param {State} s */
  #describe(tile, person, s) {
    const isScreen = tile.source === 'screen';
    const name = isScreen
      ? t('tile.screen', { name: person.name })
      : tile.self
        ? t('tile.you', { name: person.name })
        : person.name;
    const muted = !isScreen && !person.sources.includes('mic');
    const speaks = !isScreen && s.speakers.includes(person.participant) && !muted;
    const withheld = s.withheld.find((w) => w.participant === tile.participant && w.source === tile.source)?.reason;
    const key = tile.self ? undefined : this.#context.call.encryption?.store.get().people.get(tile.participant);
    const keyState = personState(key);
    const gone = !tile.self && away(s, person);
    const note = keyState.bad
      ? keyState.text
      : !gone && person.sources.includes(tile.source) && withheld
        ? withheldText(withheld)
        : '';
    const quality = isScreen || tile.self ? undefined : s.bars.get(person.participant);
    const lit = s.spotlight === person.participant;
    setText(this.#name, name || t('security.nameless'));
    setText(this.#kind, kindWord(person));
    setText(this.#avatar, initials(person.name));
    attr(this.#avatar, 'class', `avatar hue-${hue(person.participant)}`);
    setHidden(this.#avatar, isScreen || keyState.bad);
    setHidden(this.#starting, !isScreen || Boolean(note));
    if (isScreen) setText(this.#starting, t('tile.starting', { name: person.name || t('security.nameless') }));
    setHidden(this.#muted, !muted);
    setHidden(this.#hand, isScreen || person.hand === 0);
    setText(/** @type {Element} */ (this.#hand.lastElementChild), String(person.hand));
    setHidden(this.#key, !keyState.bad);
    attr(this.el, 'data-trust', key ? (key.outside ? 'outside' : key.trust) : null);
    setText(this.#note, note);
    setHidden(this.#note, !note);
    setHidden(this.#away, !gone);
    setHidden(this.#lit, !lit || isScreen);
    this.#showBars(quality);
    attr(this.#menu, 'aria-label', t('tile.menu', { name }));
    this.el.classList.toggle('speaking', speaks);
    this.el.classList.toggle('pinned', this.#context.ui.get().pin === this.#id);
    attr(this.el, 'data-muted', String(muted));
    attr(this.el, 'data-video', String(person.sources.includes(tile.source)));
    attr(
      this.el,
      'aria-label',
      [
        name,
        kindWord(person),
        muted && t('tile.muted'),
        person.hand > 0 && t('tile.hand', { n: person.hand }),
        lit && t('tile.spotlight'),
        quality !== undefined && quality < 3 && t(/** @type {any} */ (`quality.${quality}`)),
        note,
      ]
        .filter(Boolean)
        .join(', '),
    );
  }

  /** @param {number|undefined} quality 0…4; not known: nothing is shown */
  #showBars(quality) {
    const shown = quality === undefined ? '' : String(quality);
    if (this.#bars.dataset.quality === shown) return;
    this.#bars.dataset.quality = shown;
    setHidden(this.#bars, quality === undefined);
    if (quality === undefined) return;
    this.#bars.replaceChildren(bars(quality));
    attr(this.#bars, 'title', t(/** @type {any} */ (`quality.${quality}`)));
  }

  /** destroy drops the camera's picture. */
  destroy() {
    if (this.#own) this.#own.srcObject = null;
  }
}

/**
 * @param {import('../../protocol-types.js').WithheldReason} reason
 * @returns {string} why an existing picture is not shown; empty when there is none
 */
function withheldText(reason) {
  return reason === 'muted' || reason === 'not_published' ? '' : t(`tile.${reason}`);
}
