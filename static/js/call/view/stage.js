// The tiles on the screen: asks the pure modules where they go, moves elements there, and tells the call what is shown.
/** @import {CallContext} from '../context.js' */
/** @import {PlacedTile, Stage as StageState} from '../../core/tiles.js' */
import { h, keyed, attr, setHidden, setText } from '../../ui/dom.js';
import { icon } from '../../ui/icons.js';
import { t, rightToLeft } from '../../i18n/i18n.js';
import * as tiles from '../../core/tiles.js';
import { floatingWants, onePicture, wants } from '../../core/viewport.js';
import { MAX_TILES, mirror, swipe } from '../../core/layout.js';
import { TileElement } from './tile.js';
import { inviteCard } from '../panels/invite.js';

/** With the tab in the background this long, no video is asked for. */
const HIDDEN_MS = 10_000;

/** The stage of one call. */
export class Stage {
  /** @type {CallContext} */
  #context;
  #field = h('div', { class: 'stage', role: 'group', 'aria-label': t('call.stage'), 'data-testid': 'stage' });
  #empty;
  #pager;
  /** @type {Map<string, HTMLElement>} */
  #elements = new Map();
  /** @type {Map<string, TileElement>} */
  #tiles = new Map();
  /** @type {number[]} */
  #order = [];
  /** @type {Map<number, number>} */
  #spokeAt = new Map();
  /** @type {StageState} */
  #stage = tiles.newStage();
  #size = { width: 0, height: 0 };
  /** The size of the field changed since tiles were placed. */
  #resized = false;
  #asked = false;
  #over = false;
  #asleep = false;
  el;

  /** @param {CallContext} context */
  constructor(context) {
    this.#context = context;
    this.#empty = h('div', { class: 'alone', 'data-testid': 'alone' }, inviteCard());
    this.#pager = this.#makePager();
    this.el = h('div', { class: 'stage-wrap' }, this.#field, this.#empty, this.#pager.el);
    const observer = new ResizeObserver(([entry]) => {
      this.#resized = true;
      this.#size = { width: entry.contentRect.width, height: entry.contentRect.height };
      this.paint();
    });
    observer.observe(this.#field);
    const { call, ui, cleanup } = context;
    const timer = setInterval(() => this.#tick(), 250);
    cleanup(() => {
      this.#over = true;
      observer.disconnect();
      clearInterval(timer);
    });
    cleanup(
      call.store.watch(
        (p) => p.state,
        () => this.paint(),
      ),
    );
    cleanup(
      call.store.watch(
        (p) => p.mediaVersion,
        () => this.paint(),
      ),
    );
    cleanup(
      call.store.watch(
        (p) => p.ladder.seen,
        () => this.paint(),
      ),
    );
    cleanup(
      call.local.store.watch(
        (l) => l.camera,
        () => this.paint(),
      ),
    );
    cleanup(
      ui.watch(
        (u) => u,
        () => this.paint(),
      ),
    );
    this.#watchVisibility();
    this.#watchSwipes();
  }

  /** A finger turns pages, as it does elsewhere on a phone. */
  #watchSwipes() {
    /** @type {Touch|null} */
    let from = null;
    this.#field.addEventListener(
      'touchstart',
      (e) => {
        from = e.touches.length === 1 ? e.touches[0] : null;
      },
      { passive: true },
    );
    this.#field.addEventListener('touchend', (e) => {
      const to = e.changedTouches[0];
      const by = from && to ? swipe(to.clientX - from.clientX, to.clientY - from.clientY, rightToLeft()) : 0;
      from = null;
      if (by !== 0) this.flip(by);
    });
  }

  #watchVisibility() {
    let timer = 0;
    const change = () => {
      clearTimeout(timer);
      if (document.hidden && !this.#context.ui.get().floating) {
        timer = window.setTimeout(() => {
          this.#asleep = true;
          this.#context.call.setView([]);
        }, HIDDEN_MS);
      } else {
        this.#asleep = false;
        this.paint();
      }
    };
    document.addEventListener('visibilitychange', change);
    this.#context.cleanup(this.#context.ui.watch((u) => u.floating, change));
    this.#context.cleanup(() => {
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', change);
    });
  }

  #makePager() {
    const { ui } = this.#context;
    const step = (/** @type {number} */ by) =>
      ui.set((u) => ({ ...u, page: Math.max(0, Math.min(u.pages - 1, u.page + by)) }));
    const label = h('span', { 'data-testid': 'page-label' });
    const previous = h(
      'button',
      {
        class: 'icon-button',
        type: 'button',
        'aria-label': t('call.page.previous'),
        'data-testid': 'page-previous',
        onclick: () => step(-1),
      },
      icon('left'),
    );
    const next = h(
      'button',
      {
        class: 'icon-button',
        type: 'button',
        'aria-label': t('call.page.next'),
        'data-testid': 'page-next',
        onclick: () => step(1),
      },
      icon('right'),
    );
    return {
      el: h('div', { class: 'pager', hidden: true, 'data-testid': 'pager' }, previous, label, next),
      label,
      previous,
      next,
      step,
    };
  }

  /** @param {number} by */
  flip(by) {
    this.#pager.step(by);
  }

  #tick() {
    const { state } = this.#context.call.store.get();
    const now = performance.now();
    for (const p of state.speakers) this.#spokeAt.set(p, now);
    for (const p of this.#spokeAt.keys()) if (!state.people.has(p) && p !== state.self) this.#spokeAt.delete(p);
    const stage = tiles.nextStage(
      this.#stage,
      state.speakers.filter((p) => p !== state.self),
      now,
    );
    if (stage === this.#stage) return;
    const moved = stage.on !== this.#stage.on;
    this.#stage = stage;
    if (moved) this.paint();
  }

  /**
   * paint asks for a new arrangement; many changes in one task make one. It does not wait for a frame: a mute must
   * show at once.
   */
  paint() {
    if (this.#asked) return;
    this.#asked = true;
    queueMicrotask(() => this.#arrange());
  }

  #arrange() {
    this.#asked = false;
    if (this.#over) return;
    const { call, ui } = this.#context;
    const { state, ladder } = call.store.get();
    const u = ui.get();
    const { width, height } = this.#size;
    if (width < 20 || height < 20 || state.phase !== 'joined') return;
    this.#order = tiles.order(
      this.#order,
      [...state.people.keys()],
      state.speakers.filter((p) => p !== state.self),
      this.#spokeAt,
      Math.min(u.tiles, MAX_TILES) - 1,
      (p) => state.people.get(p)?.sources.includes('camera') ?? false,
    );
    const view = tiles.view(state, this.#order, {
      mode: u.mode,
      pin: u.pin,
      page: u.page,
      width,
      height,
      limit: Math.min(u.tiles, MAX_TILES),
      spotlight: state.spotlight,
      stageSpeaker: this.#stage.on,
      hideSelf: u.hideSelf,
    });
    if (view.pages !== u.pages || view.page !== u.page) ui.set({ ...u, pages: view.pages, page: view.page });
    attr(this.#field, 'data-kind', view.kind);
    this.#place(rightToLeft() ? view.tiles.map((p) => ({ ...p, box: mirror(p.box, width) })) : view.tiles);
    setHidden(this.#empty, state.people.size > 0 || state.waiting.length > 0 || !ladder.seen);
    setHidden(this.#pager.el, view.pages < 2);
    setText(this.#pager.label, t('call.page', { page: view.page + 1, pages: view.pages }));
    this.#pager.previous.disabled = view.page === 0;
    this.#pager.next.disabled = view.page === view.pages - 1;
    const wanted =
      u.floating && document.hidden
        ? floatingWants(state, tiles.featured(state))
        : wants(state, view.tiles, window.devicePixelRatio || 1);
    if (!this.#asleep) call.setView(u.low ? onePicture(wanted) : wanted);
  }

  /** @param {PlacedTile[]} placed */
  #place(placed) {
    const { call } = this.#context;
    const { state } = call.store.get();
    const mids = new Map(
      [...state.slots.values()].filter((s) => s.participant > 0).map((s) => [`${s.participant}/${s.source}`, s.mid]),
    );
    /** @type {Set<string>} */
    const used = new Set();
    keyed(
      this.#field,
      placed,
      (p) => p.key,
      this.#elements,
      (p) => {
        const made = new TileElement(this.#context, p);
        this.#tiles.set(p.key, made);
        return made.el;
      },
      (_, p) => {
        const mid = p.self ? undefined : mids.get(p.key);
        const on = state.people.get(p.participant)?.sources.includes(p.source);
        const video = mid && on ? call.sinks.video(mid) : null;
        if (video && mid) used.add(mid);
        this.#tiles.get(p.key)?.update(p, state, video, !this.#resized);
      },
      (_, key) => {
        this.#tiles.get(key)?.destroy();
        this.#tiles.delete(key);
      },
    );
    this.#resized = false;
    call.sinks.park(used);
  }
}
