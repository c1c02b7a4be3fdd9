// While a person waits for a code, the page asks now and then whether mail works.
import assert from 'node:assert/strict';
import test from 'node:test';
import { ApiError, watchDelivery } from '../js/net/api.js';

/**
 * @param {(n: number) => Error|null} fails @param {number} seconds
 * @returns {Promise<{asked: number[], told: string[]}>}
 */
async function wait(fails, seconds) {
  /** @type {number[]} */
  const asked = [];
  /** @type {string[]} */
  const told = [];
  let now = 0;
  const watch = watchDelivery(
    async () => {
      asked.push(now);
      const err = fails(asked.length);
      if (err) throw err;
      return { delivery: 'failing' };
    },
    (delivery) => told.push(delivery),
  );
  for (; now < seconds; now++) {
    watch.tick();
    await new Promise(setImmediate);
  }
  return { asked, told };
}

test('it asks three times a minute', async () => {
  const { asked, told } = await wait(() => null, 60);
  assert.deepEqual(asked, [2, 22, 42]);
  assert.deepEqual(told, ['failing', 'failing', 'failing']);
});

test('an error that passes does not end it', async () => {
  const refused = new ApiError('rate_limited', '', 30);
  const { told } = await wait((n) => (n === 1 ? new TypeError('no network') : n === 2 ? refused : null), 60);
  assert.deepEqual(told, ['failing']);
});

test('a code that has expired ends it', async () => {
  const { asked } = await wait(() => new ApiError('code_expired', ''), 60);
  assert.deepEqual(asked, [2]);
});
