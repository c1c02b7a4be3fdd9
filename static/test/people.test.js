// Who is shown, and as what: the group says it, not the server (docs/e2ee.md, section 15).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { People } from '../js/e2ee/people.js';

const said = (/** @type {object} */ more) => ({
  name: '',
  role: 'participant',
  sources: [],
  hand: 0,
  connected: true,
  ...more,
});
const member = (/** @type {object} */ more) => ({
  key: 'k',
  leaf: 0,
  role: 'participant',
  name: 'Ann',
  self: false,
  ...more,
});
const welcome = /** @type {any} */ ({ participant: 1, resumed: false, participants: [said({ participant: 2 })] });

/** @param {object[]} people @param {string} [state] */
const view = (people, state = 'in') => /** @type {any} */ ({ state, people, outside: [], lobbyNames: [] });

test("who leads is the group's to say, of oneself and of others", () => {
  const people = new People();
  people.welcome(welcome);
  assert.equal(people.ownRole('host'), 'host', 'before there is a group');
  people.group(view([member({ self: true })], 'unconfirmed'));
  assert.equal(people.ownRole('host'), 'host', 'a group that no host has confirmed');
  people.group(view([member({ self: true }), member({ key: 'b', leaf: 1, participant: 2 })]));
  for (const role of /** @type {const} */ (['host', 'cohost'])) assert.equal(people.ownRole(role), 'participant');
  assert.equal(people.ownRole('viewer'), 'viewer');
  const own = said({ participant: 1, role: 'host', hand: 2 });
  const change = { type: 'roster', changed: [own, said({ participant: 2, role: 'host' })] };
  assert.deepEqual(people.ofSelf(/** @type {any} */ (change)).changed, [{ ...own, role: 'participant' }]);
  const [ben] = /** @type {any} */ (people.roster(/** @type {any} */ (change)))?.roster.changed ?? [];
  assert.equal(ben, undefined, 'a role that the server made up changes nothing');
  people.group(view([member({ self: true, role: 'cohost' })]));
  for (const role of /** @type {const} */ (['viewer', 'host'])) assert.equal(people.ownRole(role), 'cohost');
});

test('whom the server hides is shown, and whom it makes up is not', () => {
  const people = new People();
  people.welcome(/** @type {any} */ ({ ...welcome, participants: [] }));
  people.roster(/** @type {any} */ ({ type: 'roster', joined: [said({ participant: 66 })] }));
  const hidden = member({ key: 'h', leaf: 3, participant: 0, name: 'Hal' });
  const { first } = /** @type {any} */ (people.group(view([member({ self: true }), hidden])));
  assert.deepEqual(
    first.map((/** @type {any} */ p) => [p.name, p.connected, p.participant > 2 ** 32]),
    [['Hal', false, true]],
  );
});
