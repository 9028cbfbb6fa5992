// Debian's Chromium, driven by playwright-core.
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { MissingTool } from '@millrace/testing';
import { type Browser, chromium, type Page } from 'playwright-core';

const EXECUTABLE = '/usr/bin/chromium';
/** No sandbox: CI runs as root. No background traffic: there is nobody to talk to. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const SCREENSHOTS = path.resolve(import.meta.dirname, '../../../../.cache/screenshots');
const ACTION_TIMEOUT_MS = 15_000;

/** A page and what it complained about. */
export interface WatchedPage {
  readonly page: Page;
  /** Console errors, uncaught errors, and requests to anywhere but its own gateway. */
  readonly complaints: readonly string[];
}

/** @throws MissingTool where there is no Chromium. */
export async function openBrowser(): Promise<Browser> {
  if (!existsSync(EXECUTABLE)) throw new MissingTool('chromium', `no ${EXECUTABLE}; see .ci/run`);
  return chromium.launch({ executablePath: EXECUTABLE, args: FLAGS });
}

/** A fresh window on `url`. */
export async function openPage(
  browser: Browser,
  url: string,
  colorScheme: 'light' | 'dark' = 'light',
): Promise<WatchedPage> {
  const context = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    colorScheme,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(ACTION_TIMEOUT_MS);
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => {
    if (!request.url().startsWith(url)) complaints.push(`a request to ${request.url()}`);
  });
  await page.goto(url);
  return { page, complaints };
}

/** Leaves a picture in .cache/screenshots for people. */
export async function takeScreenshot(page: Page, name: string): Promise<void> {
  mkdirSync(SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: path.join(SCREENSHOTS, `${name}.png`) });
}
