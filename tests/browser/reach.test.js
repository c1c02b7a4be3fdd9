// Everybody gets in: real browsers behind firewalls, NATs and on networks that change, picture and sound both ways.
// Run it under tests/browser/networks. The times that it prints are a busy machine's: measure/reach.js measures.
//
// TEST_REACH=regexp runs only the suites whose name matches, such as 'private.*firefox'; TEST_REACH=short runs Chromium
// with UDP blocked.
import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { kinds } from './harness/browsers.js';
import { story } from './harness/chain.js';
import { conditions, sites } from './harness/net/conditions.js';
import { flowOf } from './harness/net/flow.js';
import { Pair } from './harness/net/pair.js';

/** @typedef {import('./harness/net/conditions.js').Condition} Condition */

const { TEST_REACH: asked = '' } = process.env;
const short = asked === 'short';
const [open] = Object.keys(sites);
const chosen = conditions.filter(({ site, name }) => !short || (site === open && name === 'UDP is blocked'));

/** @param {string} what @param {object} figures ms */
function print(what, figures) {
  console.log(
    what,
    JSON.stringify(figures, (_, v) => (typeof v === 'number' ? Math.round(v) : v)),
  );
}

/** @param {Condition} condition @returns {{result: string, ways: Record<string, string>}} what the check is to say */
function verdict({ ways, missing = [] }) {
  const status = (/** @type {import('./harness/net/conditions.js').Way} */ way) =>
    ways.includes(way) ? 'ok' : missing.includes(way) ? 'none' : 'bad';
  return {
    result: ways.includes('udp') ? 'best' : ways.length > 0 ? 'detour' : 'blocked',
    ways: { udp: status('udp'), tcp: status('tcp'), turn: status('turn'), turns: status('turns') },
  };
}

/**
 * Ana is told that she isn't connected, then why and what to do; at 320 px too.
 * @param {Pair} pair @param {string} artefact of the screenshots
 */
async function isTold(pair, artefact) {
  const { ana } = pair;
  print('only signaling passes', { told: await pair.told() });
  assert.equal(await ana.at('connecting').isVisible(), false);
  const text = await ana.at('ladder').innerText();
  for (const part of [/UDP/, /firewall/, /administrator/, /port 3478 to meet\.example\.test/]) assert.match(text, part);
  assert.equal(await ana.at('ladder-check').getAttribute('href'), '/check');
  const { length } = (await flowOf(ana)).states.filter(({ state }) => state === 'connected');
  assert.equal(length, 0, 'connections that came up');
  await ana.screenshot(artefact);
  await ana.page.setViewportSize({ width: 320, height: 640 });
  await ana.assertNoSidewaysScroll('only signaling passes');
  assert(await ana.at('ladder-check').isVisible());
  await ana.screenshot(`${artefact}-320`);
}

for (const kind of short ? kinds.slice(0, 1) : kinds) {
  for (const [site, options] of Object.entries(sites)) {
    const here = chosen.filter((c) => c.site === site);
    const title = `${site}: ${kind}`;
    if (here.length === 0 || !(short || new RegExp(asked).test(title))) continue;
    describe(title, () => {
      /** @type {Pair} */
      let pair;
      const step = story();
      const name = `reach-${kind}-${site.replace(/\W+/g, '-')}`;

      before(async () => {
        pair = await Pair.start(kind, { name, ...options });
      });
      after(() => pair?.stop());

      for (const common of here) {
        const condition = kind === 'firefox' ? { ...common, ...common.firefox } : common;
        const { route } = condition;
        if (route) {
          step(`${condition.name}: picture and sound flow both ways`, async () => {
            pair.hosts[0].block(...condition.blocked);
            const join = await pair.join();
            print(condition.name, join);
            assert.match(join.route, route);
            await pair.part();
          });
        } else {
          step(`${condition.name}: the words name UDP, the firewall and what to do`, async () => {
            pair.hosts[0].block(...condition.blocked);
            await isTold(pair, name);
          });
        }

        step(`${condition.name}: the connection check finds the ways that are open`, async () => {
          assert.deepEqual(await pair.check(), verdict(condition));
        });
      }

      if (site !== open || short) return;

      step('UDP is blocked in mid-call: sound and picture come back without a click', async () => {
        pair.hosts[0].block();
        await pair.join();
        print('UDP is blocked in mid-call', await pair.interrupt(() => pair.hosts[0].block('udp')));
      });

      step('the address changes in mid-call: sound and picture come back without a click', async () => {
        print('the address changes in mid-call', await pair.interrupt(() => pair.hosts[0].readdress()));
      });
    });
  }
}
