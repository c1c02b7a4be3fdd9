// The label beside a participant's name, and the menu of what may be done with them. The server decides; what it
// would refuse is not offered.
/** @import {CallContext} from '../context.js' */
/** @import {Person, Role, Source} from '../../core/types.js' */
/** @import {Item} from '../../ui/menu.js' */
/** @import {IconName} from '../../ui/icons.js' */
import { h } from '../../ui/dom.js';
import { ask, openDialog } from '../../ui/dialog.js';
import { t } from '../../i18n/i18n.js';
import { may } from '../../core/state.js';

/** @param {Person} p @returns {string} marks a bot, a guest or a stream; empty for a person with a verified address */
export const kindWord = (p) => (p.kind && p.kind !== 'person' ? t(`kind.${p.kind}`) : '');

/** @param {Person} p @returns {boolean} a program that came over HTTP: it reads nothing and has one role */
const isStream = (p) => p.kind === 'ingest' || p.kind === 'egress';

/** @param {CallContext} context @param {Person} person @returns {(Item|false)[]} */
export function personActions(context, person) {
  const s = context.call.store.get().state;
  return [
    may(s, 'spotlight') && spotlightItem(context, person.participant),
    volumeItem(context, person),
    ...consent(context, person),
    may(s, 'chat') && !isStream(person) && !s.meeting?.no_chat && messageItem(context, person),
    ...(may(s, 'mute_others') ? mediaItems(context, person) : []),
    ...(may(s, 'roles') && !isStream(person) ? roleItems(context, person) : []),
    ...(may(s, 'remove') && (person.role !== 'host' || s.role === 'host') ? removeItems(context, person) : []),
  ];
}

/** @param {CallContext} context @param {Person} person @returns {Item} how loud they are here; others hear no change */
function volumeItem({ call }, { name, participant }) {
  const act = () => {
    const slider = h('input', {
      type: 'range',
      class: 'range',
      min: 0,
      max: 100,
      step: 5,
      'aria-label': t('people.volume.of', { name }),
      'data-testid': 'volume-range',
      oninput: () => call.setVolume(participant, Number(slider.value) / 100),
    });
    slider.value = String(Math.round(call.volume(participant) * 100));
    openDialog(t('people.volume.of', { name }), [slider, h('p', { class: 'field-help' }, t('people.volume.help'))], {
      testid: 'volume-dialog',
    });
  };
  return { label: t('people.volume'), icon: 'sound', act, testid: 'volume' };
}

/** @param {CallContext} context @param {Person} person @returns {Item} */
function messageItem({ ui }, { name, participant }) {
  const act = () => ui.set((u) => ({ ...u, panel: 'chat', chatTo: participant }));
  return { label: t('people.message', { name }), icon: 'chat', act };
}

/** @param {CallContext} context @param {Person} person @returns {(Item|false)[]} what they send, and their hand */
function mediaItems({ call }, person) {
  const { participant, sources, role, hand } = person;
  const on = (/** @type {Source} */ source) => sources.includes(source);
  const off = (/** @type {Source} */ source) => role !== 'viewer' && !isStream(person) && !on(source);
  const participants = [participant];
  const mute = (/** @type {Source[]} */ ...which) => void call.request('mute', { participants, sources: which });
  const askFor = (/** @type {Source} */ which) => void call.request('ask_unmute', { participants, sources: [which] });
  return [
    on('mic') && { label: t('people.mute'), icon: 'micOff', act: () => mute('mic'), testid: 'mute-one' },
    off('mic') && { label: t('people.ask.mic'), icon: 'mic', act: () => askFor('mic'), testid: 'ask-unmute' },
    on('camera') && {
      label: t('people.stopvideo'),
      icon: 'cameraOff',
      act: () => mute('camera'),
      testid: 'stop-camera',
    },
    off('camera') && { label: t('people.ask.camera'), icon: 'camera', act: () => askFor('camera') },
    on('screen') && { label: t('people.stopscreen'), icon: 'screenStop', act: () => mute('screen', 'screen_audio') },
    hand > 0 && {
      label: t('people.lower'),
      icon: 'hand',
      testid: 'lower-hand',
      act: () => void call.request('hand', { participant, raised: false }),
    },
  ];
}

/** @param {CallContext} context @param {Person} person @returns {(Item|false)[]} */
function roleItems({ call }, person) {
  const { participant } = person;
  const become = (/** @type {Role} */ role) => call.request('role', { participant, role });
  const item = (/** @type {'cohost'|'participant'|'viewer'} */ role, /** @type {IconName} */ icon) =>
    person.role !== role && { label: t(`people.${role}`), icon, act: () => void become(role), testid: `make-${role}` };
  return [
    item('cohost', 'people'),
    item('participant', 'people'),
    item('viewer', 'eyeOff'),
    {
      label: t('people.handover'),
      icon: 'shield',
      act: () => void confirmThen('handover', person, () => become('host')),
      testid: 'hand-over',
    },
  ];
}

/** @param {CallContext} context @param {Person} person @returns {Item[]} */
function removeItems({ call }, person) {
  const { encryption } = call;
  const open = encryption !== null && encryption.store.get().view?.lobby === false;
  /** @type {readonly ('remove'|'ban'|'removelock')[]} */
  const ways = open ? ['remove', 'removelock', 'ban'] : ['remove', 'ban'];
  return ways.map((what) => ({
    label: t(`people.${what}`),
    icon: 'remove',
    danger: true,
    testid: what,
    act: () =>
      void confirmThen(what, person, async () => {
        if (what === 'removelock') encryption?.lock();
        return call.request('remove', { participants: [person.participant], ban: what === 'ban' });
      }),
  }));
}

/** @param {CallContext} context @param {number} participant @returns {Item} */
export function spotlightItem({ call }, participant) {
  const on = call.store.get().state.spotlight === participant;
  return {
    label: t(on ? 'people.spotlight.end' : 'people.spotlight'),
    icon: 'spotlight',
    testid: 'spotlight',
    act: () => void call.request('spotlight', { participant: on ? 0 : participant }),
  };
}

/**
 * Each person decides whether a bot outside the group receives what they send.
 * @param {CallContext} context @param {Person} person @returns {(Item|false)[]}
 */
function consent({ call: { encryption } }, person) {
  const p = encryption?.store.get().people.get(person.participant);
  if (!encryption || !p?.outside || !p.asked) return [];
  return [
    {
      label: t(p.consent ? 'security.bot.stop' : 'security.bot.allow'),
      icon: p.consent ? 'eyeOff' : 'shield',
      act: () => encryption.consent(person.participant, !p.consent),
      testid: 'bot-consent',
    },
  ];
}

/**
 * @param {'remove'|'ban'|'removelock'|'handover'} what
 * @param {Person} person
 * @param {() => Promise<boolean>} act
 */
async function confirmThen(what, person, act) {
  const title = t(`people.${what}.title`, { name: person.name });
  const yes = await ask(title, t(`people.${what}.text`), t(`people.${what}`), { danger: what !== 'handover' });
  if (yes) await act();
}
