import uPlot from 'uplot';
import { element } from './elements.ts';
import type { Sample } from './meters.ts';
import { countText } from './text.ts';

/** Two minutes, a sample a second. */
const SAMPLES = 120;

/** Throughput and lag over the last two minutes. */
export class Chart {
  readonly #place = element('chart', HTMLDivElement);
  readonly #times: number[] = [];
  readonly #rates: (number | null)[] = [];
  readonly #lags: (number | null)[] = [];
  #plot: uPlot | null = null;

  constructor(nowMs: number) {
    for (let ago = SAMPLES; ago > 0; ago--) this.#push(Math.round(nowMs / 1000) - ago, null, null);
    this.#draw();
    new ResizeObserver(() => this.#resize()).observe(this.#place);
    // The colours are read off the page, which follows the system.
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#draw());
  }

  add(nowMs: number, { recordsPerSecond, lag }: Sample): void {
    this.#push(Math.round(nowMs / 1000), recordsPerSecond, lag);
    for (const column of [this.#times, this.#rates, this.#lags]) column.shift();
    this.#plot?.setData(this.#data());
  }

  reset(): void {
    this.#rates.fill(null);
    this.#lags.fill(null);
    this.#plot?.setData(this.#data());
  }

  #push(second: number, rate: number | null, lag: number | null): void {
    this.#times.push(second);
    this.#rates.push(rate);
    this.#lags.push(lag);
  }

  #data(): uPlot.AlignedData {
    return [this.#times, this.#rates, this.#lags];
  }

  #resize(): void {
    this.#plot?.setSize({ width: this.#place.clientWidth, height: this.#place.clientHeight });
  }

  #draw(): void {
    this.#plot?.destroy();
    const ink = colours(this.#place);
    const axis = { stroke: ink.quiet, font: '11px system-ui', ticks: { show: false } };
    const numbers = (_: uPlot, values: number[]): string[] => values.map(countText);
    const whole = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 1e6, 1e7];
    const fromZero = (_: uPlot, _low: number, high: number): [number, number] => [
      0,
      Math.max(4, high * 1.15),
    ];
    this.#plot = new uPlot(
      {
        width: this.#place.clientWidth || 600,
        height: this.#place.clientHeight || 130,
        legend: { show: false },
        cursor: { show: false },
        padding: [10, 4, 0, 0],
        scales: { rate: { range: fromZero }, lag: { range: fromZero } },
        axes: [
          { ...axis, grid: { show: false }, size: 24, space: 90, values: clockTimes },
          {
            ...axis,
            scale: 'rate',
            size: 46,
            space: 28,
            incrs: whole,
            values: numbers,
            grid: { stroke: ink.line, width: 1 },
          },
          {
            ...axis,
            scale: 'lag',
            side: 1,
            size: 46,
            space: 28,
            incrs: whole,
            values: numbers,
            grid: { show: false },
          },
        ],
        series: [
          {},
          { scale: 'rate', stroke: ink.accent, width: 2, fill: ink.wash, points: { show: false } },
          { scale: 'lag', stroke: ink.lag, width: 2, points: { show: false } },
        ],
      },
      this.#data(),
      this.#place,
    );
  }
}

function clockTimes(_: uPlot, seconds: number[]): string[] {
  return seconds.map((second) => new Date(second * 1000).toLocaleTimeString('en-GB'));
}

function colours(place: HTMLElement): Record<'quiet' | 'line' | 'accent' | 'wash' | 'lag', string> {
  // A custom property is text; only a real property tells which side of light-dark() holds.
  const probe = document.createElement('span');
  place.append(probe);
  const read = (name: string): string => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const found = {
    quiet: read('quiet'),
    line: read('line'),
    accent: read('accent'),
    wash: read('accent-wash'),
    lag: read('lag'),
  };
  probe.remove();
  return found;
}
