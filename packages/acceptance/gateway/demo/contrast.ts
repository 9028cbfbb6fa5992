import type { Page } from 'playwright-core';

/** What `ratiosOf` uses of the browser it runs in. */
interface PageElement {
  readonly parentElement: PageElement | null;
  readonly offsetParent: unknown;
}
interface Pen {
  fillStyle: string;
  clearRect(x: number, y: number, width: number, height: number): void;
  fillRect(x: number, y: number, width: number, height: number): void;
  getImageData(x: number, y: number, width: number, height: number): { data: Iterable<number> };
}
declare const document: {
  createElement(tag: 'canvas'): { getContext(kind: '2d', how: object): Pen | null };
  querySelectorAll(selector: string): Iterable<PageElement>;
};
declare const getComputedStyle: (element: PageElement) => {
  readonly color: string;
  readonly backgroundColor: string;
};

/** Texts that a person must be able to read. */
const TEXTS = [
  'h1',
  '#subject',
  '#connection-text',
  '#topics button',
  '#topics .count',
  'label',
  'select',
  'input',
  'button.primary',
  '.meters dt',
  '.meters dd',
  'figcaption span',
  'th',
  'td',
  '.quiet',
  'kbd',
];

/** Every visible text whose contrast to what is behind it is below `least` (WCAG 2), as `selector: ratio`. */
export async function contrastOf(page: Page, least: number): Promise<string[]> {
  const found = await page.evaluate(ratiosOf, TEXTS);
  return found
    .filter(({ ratio }) => ratio < least)
    .map(({ selector, ratio }) => `${selector}: ${ratio.toFixed(2)}`);
}

/** Runs in the page. */
function ratiosOf(selectors: readonly string[]): { selector: string; ratio: number }[] {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  if (canvas === null) throw new Error('no canvas');
  const rgba = (colour: string): number[] => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = (channels: readonly number[]): number => {
    const [red = 0, green = 0, blue = 0] = channels.map((channel) => {
      const share = channel / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const behind = (start: PageElement): number[] => {
    for (let at: PageElement | null = start; at !== null; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255, 255];
  };
  return selectors.flatMap((selector) => {
    const element = [...document.querySelectorAll(selector)].find(
      (one) => one.offsetParent !== null,
    );
    if (element === undefined) return [];
    const front = luminance(rgba(getComputedStyle(element).color).slice(0, 3));
    const back = luminance(behind(element).slice(0, 3));
    const ratio = (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05);
    return [{ selector, ratio }];
  });
}
