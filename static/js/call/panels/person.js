// The label beside a participant's name, and the menu of what may be done with them. The server decides; what it
// would refuse is not offered.
/** @import {CallContext} from '../context.js' */
/** @import {Person, ClientMessage, Fields} from '../../core/types.js' */
/** @import {Item} from '../../ui/menu.js' */
import { ask } from '../../ui/dialog.js';
import { t } from '../../i18n/i18n.js';
import { may } from '../../core/state.js';

/** @param {Person} p @returns {string} marks a bot or a guest; empty for a person with a verified address */
export const kindWord = (p) => (p.kind === 'bot' || p.kind === 'guest' ? t(`kind.${p.kind}`) : '');

/** @param {CallContext} context @param {Person} person @returns {(Item|false)[]} */
export function personActions(context, person) {
  const { call, ui } = context;
  const s = call.store.get().state;
  const id = person.participant;
  const has = (/** @type {import('../../core/types.js').Source} */ source) => person.sources.includes(source);
  const muting = may(s, 'mute_others');
  /** @template {ClientMessage['type']} T @param {T} type @param {Fields<T>} fields @returns {() => void} */
  const send = (type, fields) => () => void call.request(type, fields);
  const role = (/** @type {import('../../core/types.js').Role} */ to) => send('role', { participant: id, role: to });
  return [
    may(s, 'spotlight') && spotlightItem(context, id),
    ...consent(context, person),
    may(s, 'chat') &&
      !s.meeting?.no_chat && {
        label: t('people.message', { name: person.name }),
        icon: 'chat',
        act: () => ui.set((u) => ({ ...u, panel: 'chat', chatTo: id })),
      },
    muting &&
      has('mic') && {
        label: t('people.mute'),
        icon: 'micOff',
        act: send('mute', { participants: [id], sources: ['mic'] }),
        testid: 'mute-one',
      },
    muting &&
      !has('mic') &&
      person.role !== 'viewer' && {
        label: t('people.ask.mic'),
        icon: 'mic',
        act: send('ask_unmute', { participants: [id], sources: ['mic'] }),
        testid: 'ask-unmute',
      },
    muting &&
      has('camera') && {
        label: t('people.stopvideo'),
        icon: 'cameraOff',
        act: send('mute', { participants: [id], sources: ['camera'] }),
        testid: 'stop-camera',
      },
    muting &&
      !has('camera') &&
      person.role !== 'viewer' && {
        label: t('people.ask.camera'),
        icon: 'camera',
        act: send('ask_unmute', { participants: [id], sources: ['camera'] }),
      },
    muting &&
      has('screen') && {
        label: t('people.stopscreen'),
        icon: 'screenStop',
        act: send('mute', { participants: [id], sources: ['screen', 'screen_audio'] }),
      },
    muting &&
      person.hand > 0 && {
        label: t('people.lower'),
        icon: 'hand',
        act: send('hand', { participant: id, raised: false }),
      },
    may(s, 'roles') &&
      person.role !== 'cohost' && {
        label: t('people.cohost'),
        icon: 'people',
        act: role('cohost'),
        testid: 'make-cohost',
      },
    may(s, 'roles') &&
      person.role !== 'participant' && {
        label: t('people.participant'),
        icon: 'people',
        act: role('participant'),
        testid: 'make-participant',
      },
    may(s, 'roles') && person.role !== 'viewer' && { label: t('people.viewer'), icon: 'eyeOff', act: role('viewer') },
    may(s, 'roles') && {
      label: t('people.handover'),
      icon: 'shield',
      testid: 'hand-over',
      act: () =>
        void confirmThen(context, 'handover', person, () => call.request('role', { participant: id, role: 'host' })),
    },
    may(s, 'remove') &&
      person.role !== 'host' && {
        label: t('people.remove'),
        icon: 'remove',
        danger: true,
        testid: 'remove',
        act: () =>
          void confirmThen(context, 'remove', person, () => call.request('remove', { participants: [id], ban: false })),
      },
    may(s, 'remove') &&
      person.role !== 'host' && {
        label: t('people.ban'),
        icon: 'remove',
        danger: true,
        testid: 'ban',
        act: () =>
          void confirmThen(context, 'ban', person, () => call.request('remove', { participants: [id], ban: true })),
      },
  ];
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
 * Each person decides who receives what they send: whether a bot does, and whether a person with an unexpected key
 * does.
 * @param {CallContext} context @param {Person} person @returns {(Item|false)[]}
 */
function consent({ call: { encryption } }, person) {
  const p = encryption?.store.get().people.get(person.participant);
  if (!encryption || p?.status !== 'ok') return [];
  const act = () => encryption.consent(person.participant, !p.hears);
  if (p.bot) {
    return [
      {
        label: t(p.hears ? 'security.bot.stop' : 'security.bot.allow'),
        icon: p.hears ? 'eyeOff' : 'shield',
        act,
        testid: 'bot-consent',
      },
    ];
  }
  if (p.trust !== 'changed' && p.consent !== false) return [];
  return [
    {
      label: t(p.hears ? 'security.changed.refuse' : 'security.changed.allow'),
      icon: p.hears ? 'eyeOff' : 'shield',
      act,
      testid: 'changed-consent',
    },
  ];
}

/**
 * @param {CallContext} _
 * @param {'remove'|'ban'|'handover'} what
 * @param {Person} person
 * @param {() => Promise<boolean>} act
 */
async function confirmThen(_, what, person, act) {
  const yes = await ask(
    t(`people.${what}.title`, { name: person.name }),
    t(`people.${what}.text`),
    t(`people.${what}`),
    { danger: what !== 'handover' },
  );
  if (yes) await act();
}
