// The hostile-server suite (e2ee/testdata/hostile.md), which Go runs too: what one client refuses the other refuses.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { runScenario } from './steps.js';

const scenarios = JSON.parse(readFileSync(new URL('../../../e2ee/testdata/hostile.json', import.meta.url), 'utf8'));

for (const scenario of scenarios) {
  test(`${scenario.name} (${scenario.shows})`, async () => {
    assert.deepEqual(await runScenario(scenario), []);
  });
}
