// Interruptions in a call: sound and picture come back without a click, on the same seat, and what stays unheard is
// not told. `measure/interrupt.js` has the figures. Run it under tests/browser/networks.
import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { kinds } from './harness/browsers.js';
import { story } from './harness/chain.js';
import { startCall } from './harness/interrupt.js';

for (const kind of kinds) {
  describe(`interruptions in ${kind}`, () => {
    /** @type {Awaited<ReturnType<typeof startCall>>} */
    let call;
    const step = story();

    before(async () => {
      call = await startCall(kind);
    });
    after(() => call?.stop());

    step('the WebSocket alone is cut for 4 s: nothing stops, and neither side is told', async () => {
      const { sameSeat, told, tile } = await call.interrupt('websocket');
      assert.deepEqual({ sameSeat, told, tile }, { sameSeat: true, told: 0, tile: -1 });
    });

    step('the cable is out for 5 s: both sides are told, and all comes back on the same seat', async () => {
      const { sameSeat, told, tile } = await call.interrupt('cable5');
      assert.ok(sameSeat);
      assert.ok(told > 0, 'the person is told');
      assert.ok(tile > 0, 'the other is told');
    });

    step('the cable is out for 30 s: all comes back on the same seat', async () => {
      assert.ok((await call.interrupt('cable30')).sameSeat);
    });

    step('asleep for 20 s: all comes back on the same seat', async () => {
      assert.ok((await call.interrupt('asleep20')).sameSeat);
      await call.ana.assertUnalarmed({ breaks: false });
    });

    step('another address: all comes back on the same seat', async () => {
      assert.ok((await call.interrupt('network')).sameSeat);
    });

    step('UDP is blocked in mid-call: all goes on by another way on the same seat', async () => {
      const { sameSeat, route } = await call.interrupt('udp');
      assert.ok(sameSeat);
      assert.doesNotMatch(route, /^udp/);
    });
  });
}
