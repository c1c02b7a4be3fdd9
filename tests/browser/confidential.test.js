// A confidential meeting on an audited server, as its participants see it.
import assert from 'node:assert/strict';
import { mkdtemp, readdir } from 'node:fs/promises';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe } from 'node:test';
import { kinds, launch } from './harness/browsers.js';
import { story } from './harness/chain.js';
import { Person } from './harness/person.js';
import { Server, binary } from './harness/server.js';
import { until } from './harness/wait.js';

for (const kind of kinds) {
  describe(`confidential meetings, in ${kind}`, () => {
    /** @type {Server} */
    let server;
    /** @type {import('playwright-core').Browser} */
    let browser;
    /** @type {Person} */
    let doctor;
    /** @type {Person} */
    let patient;
    let audit = '';
    const step = story();

    before(async () => {
      const dir = await mkdtemp(join(tmpdir(), 'conclave-'));
      audit = join(dir, 'audit');
      const recipient = execFileSync(await binary(), ['audit', 'keygen', '-o', join(dir, 'identity')], {
        encoding: 'utf8',
      });
      server = await Server.start(`confidential-${kind}`, [
        ...['--confidential', '--role-names', 'host=Doctor,participant=Patient'],
        ...['--audit', '--audit-dir', audit, '--audit-recipients', recipient.trim()],
      ]);
      browser = await launch(kind);
      doctor = await Person.arrive(browser, server, 'Dora');
    });

    after(async () => {
      await browser?.close();
      await server?.stop();
    });

    step(
      'before signing in and before joining everyone reads what is recorded, and what no browser can do',
      async () => {
        await doctor.at('audited').waitFor();
        await doctor.screenshot(`confidential-${kind}-1-sign-in`);
        await doctor.signIn();
        await doctor.createMeeting();
        await doctor.at('audited').locator('summary').click();
        await doctor.at('confidential').locator('summary').click();
        assert.match(await doctor.at('confidential').innerText(), /No browser can detect or prevent recording/);
        await doctor.screenshot(`confidential-${kind}-2-before`);
      },
    );

    step('alone there is nothing to compare', async () => {
      await doctor.join({ mic: true, camera: true });
      assert.equal(await doctor.at('compare-first').count(), 0);
      assert.equal(await doctor.at('mic').getAttribute('aria-pressed'), 'true');
      assert.equal(
        await doctor.page.evaluate(() => sessionStorage.length),
        0,
        'where one is, in the storage of the tab',
      );
    });

    step('the patient waits, is let in, and sees a watermark with their own name on every tile', async () => {
      patient = await Person.arrive(browser, server, 'Paul', {
        path: doctor.link(),
        viewport: { width: 320, height: 640 },
      });
      await patient.signIn();
      await patient.screen('prejoin');
      await patient.assertNoSidewaysScroll('before a confidential meeting');
      await patient.screenshot(`confidential-${kind}-4-narrow-before`);
      await patient.write('name', 'Paul');
      await patient.at('join').click();
      await patient.screen('lobby');
      await doctor.press('people', true);
      await doctor.at('admit').first().click();
      await patient.screen('call');
      await doctor.at('compare-first').waitFor();
      const microphone = () => doctor.at('mic').getAttribute('aria-pressed');
      await until('the microphone is off until the answer', async () => (await microphone()) === 'false');
      await doctor.screenshot(`confidential-${kind}-3-compare`);
      await doctor.at('compare-first').getByRole('button', { name: 'Later' }).click();
      await until('the microphone is on again', async () => (await microphone()) === 'true');
      await patient.at('compare-first').getByRole('button', { name: 'Later' }).click();
      await until('there are two tiles', async () => (await patient.at('tile').count()) === 2);
      await patient.screenshot(`confidential-${kind}-5-narrow`);
      const marks = await patient.at('watermark').allInnerTexts();
      assert.equal(marks.length, 2);
      for (const mark of marks) assert.match(mark, /Paul · \d/);
      for (const mark of await doctor.at('watermark').allInnerTexts()) assert.match(mark, /Dora · \d/);
      await doctor.screenshot(`confidential-${kind}-6-wide`);
    });

    step('there is no chat, the waiting room cannot be turned off, and the roles are as configured', async () => {
      assert.equal(await doctor.at('chat').isVisible(), false);
      for (const width of [320, 1440]) {
        await doctor.page.setViewportSize({ width, height: 800 });
        await doctor.at('lock').waitFor();
        assert.equal(await doctor.at('lobby-switch').count(), 0);
        await doctor.screenshot(`confidential-${kind}-people-${width}`);
      }
      assert.match(await doctor.page.locator('body').innerText(), /Doctor[^]*Patient/);
    });

    step('no small window shows a picture without its watermark', async () => {
      await doctor.at('more').click();
      await doctor.at('open-settings').waitFor();
      assert.equal(await doctor.at('float').count(), 0);
      await doctor.page.keyboard.press('Escape');
    });

    step('afterwards one reads who was there, and the log has grown', async () => {
      await patient.leave();
      await patient.at('ended-left').waitFor();
      assert.match(await patient.at('ended-left').innerText(), /With you in the meeting: Dora/);
      await patient.screenshot(`confidential-${kind}-7-narrow-after`);
      assert.ok((await readdir(audit)).some((file) => file.endsWith('.records')));
    });
  });
}
