// How long it takes to get in, by network and browser: medians in ms from the click on "Join" until the page could send
// media, until the first picture from the other was decoded, and until the other decoded the first of one's own. Then,
// for what happens in mid-call, until sound and picture were back both ways. One table in Markdown; each round goes to
// stderr.
//
//   tests/browser/networks node tests/browser/measure/reach.js [--kinds chromium,firefox] [--rounds 5]
//     [--sites regexp] [--only regexp]
//
// Where nothing but signaling passes, the figure is how long it takes until the page says so.
import { parseArgs } from 'node:util';
import { kinds } from '../harness/browsers.js';
import { conditions, sites } from '../harness/net/conditions.js';
import { Pair } from '../harness/net/pair.js';
import { sleep } from '../harness/wait.js';

const { values } = parseArgs({
  options: {
    kinds: { type: 'string', default: kinds.join(',') },
    rounds: { type: 'string', default: '5' },
    sites: { type: 'string', default: '.' },
    only: { type: 'string', default: '.' },
  },
});
const rounds = Number(values.rounds);
const only = new RegExp(values.only);
const [first] = Object.keys(sites);

/** @param {number[]} list */
const median = (list) => Math.round([...list].sort((a, b) => a - b)[Math.floor(list.length / 2)] ?? NaN);

/** @param {...(string | number)} cells */
const row = (...cells) => console.log(`| ${cells.join(' | ')} |`);

/** @template T @param {string} what @param {T} round @returns {T} */
function noted(what, round) {
  console.error(what, JSON.stringify(round));
  return round;
}

/** What happens in mid-call. @type {Record<string, (host: import('../harness/net/network.js').Host) => void>} */
const events = {
  'UDP is blocked in mid-call': (host) => host.block('udp'),
  'the address changes in mid-call': (host) => host.readdress(),
};

/** @param {import('../harness/browsers.js').Kind} kind @param {string} site @param {Pair} pair */
async function measure(kind, site, pair) {
  for (const condition of conditions.filter((c) => c.site === site && only.test(c.name))) {
    pair.hosts[0].block(...condition.blocked);
    if (!condition.route) {
      const told = [];
      for (let i = 0; i < rounds; i++) told.push(noted(condition.name, await pair.told()));
      row(site, condition.name, kind, `told after ${median(told)}`);
      continue;
    }
    /** @type {import('../harness/net/pair.js').Join[]} */
    const joins = [];
    for (let i = 0; i < rounds; i++) {
      joins.push(noted(condition.name, await pair.join()));
      await pair.part();
    }
    const times = /** @type {const} */ (['connected', 'received', 'sent']).map((t) => median(joins.map((j) => j[t])));
    row(site, condition.name, kind, ...times, [...new Set(joins.map((j) => j.route))].join(', '));
  }
  if (site !== first) return;
  for (const [name, act] of Object.entries(events).filter(([event]) => only.test(event))) {
    /** @type {import('../harness/net/pair.js').Return[]} */
    const returns = [];
    for (let i = 0; i < rounds; i++) {
      pair.hosts[0].block();
      await pair.join();
      await sleep(3000); // a call that runs
      returns.push(noted(name, await pair.interrupt(() => act(pair.hosts[0]))));
      await pair.part();
    }
    const times = /** @type {const} */ (['heard', 'seen', 'heardBy', 'seenBy']).map(
      (t) => `${t} ${median(returns.map((r) => r[t]))}`,
    );
    row(site, name, kind, ...times);
  }
}

row('server', 'network', 'browser', 'connected', 'first picture received', 'first picture sent', 'way');
row(...Array(7).fill('---'));
for (const kind of kinds.filter((k) => values.kinds.split(',').includes(k))) {
  for (const [site, options] of Object.entries(sites)) {
    if (!new RegExp(values.sites).test(site)) continue;
    if (site !== first && !conditions.some((c) => c.site === site && only.test(c.name))) continue;
    const pair = await Pair.start(kind, { name: `measure-reach-${kind}`, ...options });
    try {
      await measure(kind, site, pair);
    } finally {
      await pair.stop();
    }
  }
}
