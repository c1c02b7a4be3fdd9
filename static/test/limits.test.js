import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMITS, PROTOCOL_VERSION, SUBPROTOCOL } from '../js/protocol-types.js';
import * as socket from '../js/net/socket.js';
import { MAX_CHAT_TEXT, MAX_NAME, MAX_PASSWORD, MAX_TITLE } from '../js/core/text.js';

test("fields take as much as the protocol does, and the version is the server's", () => {
  assert.deepEqual(
    [MAX_NAME, MAX_TITLE, MAX_CHAT_TEXT, MAX_PASSWORD],
    [LIMITS.name, LIMITS.title, LIMITS.chat, LIMITS.password],
  );
  assert.deepEqual([socket.PROTOCOL_VERSION, socket.SUBPROTOCOL], [PROTOCOL_VERSION, SUBPROTOCOL]);
});
