import assert from 'node:assert/strict';
import { test } from 'node:test';
import { patience } from './wait.js';

/**
 * Tests that tell one story: once an act fails, those after it fail at once and say so, instead of each waiting for a
 * screen that cannot come. What is only looked at may fail without ending the story.
 * @returns {(name: string, act: () => Promise<void>, look?: () => Promise<void>) => void}
 */
export function story() {
  let broken = '';
  return (name, act, look) => {
    test(name, { timeout: 4 * patience }, async () => {
      if (broken) assert.fail(`not reached, because this failed: ${broken}`);
      try {
        await act();
      } catch (error) {
        broken = name;
        throw error;
      }
      await look?.();
    });
  };
}
