// Time in which the page ran.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newPageTime, ran } from '../js/core/pagetime.js';
import { ICE_RESTART_MS, newLadder, next } from '../js/core/reconnect.js';

test('looks once a second lose no time; a gap counts as a second', () => {
  let time = newPageTime(500);
  for (const now of [750, 1750, 2750]) time = ran(time, now);
  assert.equal(time.heldUp, 0);
  time = ran(time, 9750);
  assert.equal(time.heldUp, 6000);
  time = ran(time, 10_000);
  assert.equal(time.heldUp, 6000);
});

test('a page that was held up for as long as a step may take reads what came before it gives the step up', () => {
  let time = newPageTime(0);
  const at = (/** @type {number} */ now) => {
    time = ran(time, now);
    return now - time.heldUp;
  };
  let { ladder } = next(newLadder(), 'media_up', at(0));
  ladder = next(ladder, 'media_silent', at(100)).ladder;
  assert.equal(ladder.step, 'ice_restart');
  ladder = next(ladder, 'tick', at(ICE_RESTART_MS + 200)).ladder;
  assert.equal(ladder.step, 'ice_restart');
  ladder = next(ladder, 'media_up', at(ICE_RESTART_MS + 300)).ladder;
  assert.equal(ladder.step, 'ok');
});
