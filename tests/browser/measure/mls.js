// What MLS costs (static/js/e2ee/mls): to join a group by a Welcome, and to make and process a commit with a path, in a
// tree without keys (cold) and with them (warm). One JSON line, milliseconds and bytes.
//
//   node tests/browser/measure/mls.js [--in node|chromium|firefox] [--members 500]
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join, normalize } from 'node:path';
import { parseArgs } from 'node:util';
import { measure } from './mlscase.js';

const { values } = parseArgs({
  options: { in: { type: 'string', default: 'node' }, members: { type: 'string', default: '500' } },
});
const members = Number(values.members);
const root = join(import.meta.dirname, '..', '..', '..');

/** @param {string} kind @returns {Promise<any>} what a worker of a page of this repository's files measures */
async function inBrowser(kind) {
  const worker = `import { measure } from '/tests/browser/measure/mlscase.js';
    measure(${members}).then((result) => postMessage(result), (error) => postMessage({ error: String(error.stack) }));`;
  const server = createServer(async (request, response) => {
    const path = normalize(new URL(request.url ?? '/', 'http://localhost').pathname);
    const script = path.endsWith('.js');
    response.setHeader('Content-Type', script ? 'text/javascript' : 'text/html');
    if (path === '/worker.js') response.end(worker);
    else response.end(script ? await readFile(join(root, path)) : '<!doctype html>');
  });
  await new Promise((resolve) => void server.listen(0, '127.0.0.1', () => resolve(null)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  const { launch } = await import('../harness/browsers.js');
  const browser = await launch(/** @type {import('../harness/browsers.js').Kind} */ (kind));
  try {
    const page = await (await browser.newContext()).newPage();
    await page.goto(`http://localhost:${port}/`);
    return await page.evaluate(
      () =>
        new Promise((resolve) => {
          const made = new Worker('/worker.js', { type: 'module' });
          made.onmessage = (event) => resolve(event.data);
          made.onerror = (event) => resolve({ error: event.message });
        }),
    );
  } finally {
    await browser.close();
    server.close();
  }
}

const result = values.in === 'node' ? await measure(members) : await inBrowser(values.in);
console.log(
  JSON.stringify({ in: values.in, ...result }, (_key, v) => (typeof v === 'number' ? Math.round(v * 100) / 100 : v)),
);
