// The elements that play what comes, as far as that shows without a browser.
import assert from 'node:assert/strict';
import { test } from 'node:test';

/** An element as far as it matters here. */
class FakeElement {
  volume = 1;
  setAttribute() {}
  append() {}
  remove() {}
  async play() {}
}

test('speaking: a volume holds for the element that is made later, and not for the next connection', async () => {
  Object.assign(globalThis, { document: { createElement: () => new FakeElement() }, MediaStream: class {} });
  const { Sinks } = await import('../js/media/sinks.js');
  const made = [];
  const sinks = new Sinks({ blocked() {}, firstFrame() {} });
  sinks.pool.append = (el) => made.push(el);
  const slot = { kind: 'audio', mid: '4', receiver: { track: null } };
  sinks.setVolume('4', 0.3);
  sinks.ensure([slot]);
  assert.equal(made.at(-1).volume, 0.3);
  sinks.clear();
  sinks.ensure([slot]);
  assert.equal(made.at(-1).volume, 1);
});
