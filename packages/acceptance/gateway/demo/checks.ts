// The demo page as a person meets it, in a real browser: rows of `npm run compat`.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { eventually, tempFolder } from '@millrace/testing';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import type { Browser, Page } from 'playwright-core';
import { openBrowser, openPage, takeScreenshot } from './browser.ts';
import { contrastOf } from './contrast.ts';
import { DevelopmentGateway } from './development-gateway.ts';

const STREAM_TIMEOUT_MS = 20_000;
const CONTRAST_MIN = 4.5;

type Work = (browser: Browser, gateway: DevelopmentGateway) => Promise<void>;

/** Runs `work` beside a browser and an empty cluster. */
async function besides(work: Work, overrides: readonly string[] = []): Promise<void> {
  const browser = await openBrowser();
  try {
    const gateway = await DevelopmentGateway.start(overrides);
    try {
      await work(browser, gateway);
    } finally {
      await gateway.stop();
    }
  } finally {
    await browser.close();
  }
}

async function numberIn(page: Page, id: string): Promise<number> {
  return Number((await page.textContent(`#${id}`))?.replaceAll(',', ''));
}

async function rowsWith(page: Page, text: string): Promise<number> {
  return page.locator('#rows tr', { hasText: text }).count();
}

/** Publishes with the form, and waits until the log has it. */
async function publish(page: Page, key: string, value: string, headers = ''): Promise<void> {
  await page.fill('#publish-key', key);
  await page.fill('#publish-value', value);
  await page.fill('#publish-headers', headers);
  await page.evaluate("document.getElementById('publish-note').replaceChildren()");
  await page.press('#publish-value', 'Control+Enter');
  await page.locator('#publish-note', { hasText: /at offset \d+/ }).waitFor();
}

async function newcomer(scheme: 'light' | 'dark'): Promise<void> {
  await besides(async (browser, gateway) => {
    const { page, complaints } = await openPage(browser, gateway.url, scheme);
    await page.click('#welcome-start');
    await eventually('records stream', STREAM_TIMEOUT_MS, async () => {
      return (await numberIn(page, 'meter-total')) >= 10;
    });
    await page.locator('#connection-text', { hasText: /^connected$/ }).waitFor();
    assert.ok((await page.locator('#rows tr').count()) >= 10);
    assert.equal(await page.textContent('#meter-lag'), '0');
    assert.ok(await page.locator('#chart canvas').isVisible());
    assert.deepEqual(await contrastOf(page, CONTRAST_MIN), []);
    await takeScreenshot(page, `demo-${scheme}`);
    await page.locator('#rows tr').first().click();
    await takeScreenshot(page, `demo-record-${scheme}`);
    assert.match((await page.textContent('#record-value')) ?? '', /"sensor": "/);
    assert.deepEqual(complaints, []);
  });
}

async function startFilterPublish(): Promise<void> {
  await besides(async (browser, gateway) => {
    const { page, complaints } = await openPage(browser, gateway.url);
    await page.fill('#publish-topic', 'orders');
    await publish(page, 'eu-1', '{"n":1}', 'kind: small');
    await page.locator('#topics button', { hasText: 'orders' }).waitFor();
    await page.fill('#publish-topic', 'orders');
    await publish(page, 'us-1', '{"n":2}', 'kind: large');
    await publish(page, '', '<img src=x onerror="document.title=1">');
    await page.selectOption('#start', 'earliest');
    await page.click('#read');
    await eventually('three rows', STREAM_TIMEOUT_MS, async () => (await rowsWith(page, '')) === 3);
    assert.equal(await rowsWith(page, '<img src=x'), 1);
    assert.equal(await page.locator('#rows img').count(), 0);
    await page.selectOption('#filter', 'key-prefix');
    await page.fill('#filter-text', 'eu-');
    await page.click('#read');
    await publish(page, 'us-2', '{"n":3}');
    await publish(page, 'eu-2', '{"n":4}');
    await eventually(
      'two rows',
      STREAM_TIMEOUT_MS,
      async () => (await rowsWith(page, 'eu-')) === 2,
    );
    assert.equal(await rowsWith(page, ''), 2);
    await page.selectOption('#filter', 'header-eq');
    await page.fill('#header-name', 'kind');
    await page.fill('#filter-text', 'large');
    await page.click('#read');
    await eventually(
      'one row',
      STREAM_TIMEOUT_MS,
      async () => (await rowsWith(page, 'us-1')) === 1,
    );
    assert.equal(await rowsWith(page, ''), 1);
    await page.selectOption('#filter', 'none');
    await page.selectOption('#start', 'last');
    await page.fill('#last', '2');
    await page.click('#read');
    await eventually(
      'the last two',
      STREAM_TIMEOUT_MS,
      async () => (await rowsWith(page, '')) === 2,
    );
    await page.click('#pause');
    await page.locator('#reading-note', { hasText: 'Paused' }).waitFor();
    await publish(page, 'eu-3', '{"n":5}');
    await page.click('#pause');
    await eventually(
      'it goes on',
      STREAM_TIMEOUT_MS,
      async () => (await rowsWith(page, 'eu-3')) === 1,
    );
    assert.deepEqual(complaints, []);
  });
}

async function keyboardAlone(): Promise<void> {
  await besides(async (browser, gateway) => {
    const { page } = await openPage(browser, gateway.url);
    const focused = (): Promise<string> =>
      page.evaluate<string>('document.activeElement.id || document.activeElement.tagName');
    await page.fill('#publish-topic', 'alpha');
    await publish(page, 'k', 'first');
    await page.fill('#publish-topic', 'beta');
    await publish(page, 'k', 'second');
    await page.locator('#topics button', { hasText: 'beta' }).waitFor();
    await page.evaluate('document.activeElement.blur()');
    await page.keyboard.press('/');
    assert.equal(await focused(), 'topic-search');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.locator('#topic-name', { hasText: /^beta$/ }).waitFor();
    await page.locator('#rows tr', { hasText: 'second' }).waitFor();
    for (let tabs = 0; (await focused()) !== 'TR'; tabs++) {
      assert.ok(tabs < 30, 'Tab never reaches the records');
      await page.keyboard.press('Tab');
    }
    await page.keyboard.press('Enter');
    assert.equal(await page.textContent('#record-value'), 'second');
    await page.keyboard.press('Escape');
    assert.equal(await page.locator('#record').isVisible(), false);
    assert.equal(await focused(), 'TR');
    await page.keyboard.press('p');
    await page.locator('#reading-note', { hasText: 'Paused' }).waitFor();
  });
}

async function comesBack(): Promise<void> {
  await besides(async (browser, gateway) => {
    const { page } = await openPage(browser, gateway.url);
    await page.fill('#publish-topic', 'orders');
    for (const n of [1, 2, 3]) await publish(page, 'k', `before-${n}`);
    await page.locator('#rows tr', { hasText: 'before-3' }).waitFor();
    await gateway.kill();
    await page.locator('#connection-text', { hasText: 'again' }).waitFor();
    await gateway.resume();
    await page.locator('#connection-text', { hasText: /^connected$/ }).waitFor();
    await publish(page, 'k', 'after');
    await page.locator('#rows tr', { hasText: 'after' }).waitFor();
    // The meters are drawn once a second: one more record shows that nothing came twice before it.
    await publish(page, 'k', 'last');
    await eventually('every record, once', STREAM_TIMEOUT_MS, async () => {
      return (await numberIn(page, 'meter-total')) === 5;
    });
    assert.equal(await rowsWith(page, ''), 5);
    assert.equal(await numberIn(page, 'meter-gaps'), 0);
  });
}

async function tokens(): Promise<void> {
  const folder = tempFolder('demo-keys');
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  const keys = path.join(folder.path, 'keys.json');
  writeFileSync(keys, JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k1' }] }));
  const token = (mr: object): Promise<string> =>
    new SignJWT({ mr })
      .setProtectedHeader({ alg: 'ES256', kid: 'k1', typ: 'at+jwt' })
      .setIssuer('https://issuer.test')
      .setAudience('millrace')
      .setSubject('ann')
      .setIssuedAt()
      .setExpirationTime('5m')
      .sign(privateKey);
  const settings = [
    'gateway.auth.mode=jwt',
    `gateway.auth.keys=${keys}`,
    'gateway.auth.issuer=https://issuer.test',
    'gateway.auth.audience=millrace',
  ];
  const work: Work = async (browser, gateway) => {
    const { page } = await openPage(browser, gateway.url);
    await page.locator('#sign-in').waitFor();
    assert.equal(await page.locator('#desk').isVisible(), false);
    await takeScreenshot(page, 'demo-sign-in');
    await page.fill('#token', 'nonsense');
    await page.click('#sign-in button');
    await page.locator('#sign-in-why.bad').waitFor();
    const write = [{ topic: 'orders' }, { topic: 'secret' }];
    await page.fill('#token', await token({ v: 1, read: [{ topic: 'orders' }], write }));
    await page.click('#sign-in button');
    for (const topic of ['secret', 'orders']) {
      await page.fill('#publish-topic', topic);
      await publish(page, 'k', `in ${topic}`);
    }
    await page.locator('#rows tr', { hasText: 'in orders' }).waitFor();
    assert.equal(await page.textContent('#subject'), 'ann');
    assert.ok(await page.locator('#topics button', { hasText: 'secret' }).isDisabled());
    assert.equal(await page.textContent('#meter-lag'), '–', 'watermarks are not told');
    await page.fill('#publish-topic', 'other');
    await page.fill('#publish-value', 'x');
    await page.press('#publish-value', 'Control+Enter');
    await page.locator('#publish-note.bad').waitFor();
  };
  await besides(work, settings).finally(() => folder.remove());
}

/** Row of the table → what it does. */
export const DEMO_PAGE_CHECKS: Readonly<Record<string, () => Promise<void>>> = {
  'demo page: one button, and records stream (light)': () => newcomer('light'),
  'demo page: one button, and records stream (dark)': () => newcomer('dark'),
  'demo page: start position, filter, publish, pause': startFilterPublish,
  'demo page: with the keyboard alone': keyboardAlone,
  'demo page: goes on exactly after kill -9 of the gateway': comesBack,
  'demo page: asks for a token, shows what it opens': tokens,
};
