import type { Clock, Prng, Timer } from '@millrace/base';
import type { GatewayClient } from '@millrace/gateway-client';
import { element, tell } from './elements.ts';

/** Where the made-up readings go. */
export const DEMO_TOPIC = 'demo';

const SENSORS = ['mill-1', 'mill-2', 'mill-3', 'weir', 'race'] as const;
/** Results waited for at once: a slow gateway slows the demo down. */
const INFLIGHT_MAX = 20;

/** Publishes made-up sensor readings while somebody wants them; off until then. */
export class DemoTraffic {
  readonly #client: () => GatewayClient;
  readonly #clock: Clock;
  readonly #random: Prng;
  readonly #onStarted: () => void;
  readonly #button = element('demo', HTMLButtonElement);
  readonly #rate = element('demo-rate', HTMLInputElement);
  readonly #levels = new Map<string, number>();
  #timer: Timer | null = null;
  #inflight = 0;
  #sent = 0;

  /** @param onStarted the first record is in the log, so the topic exists. */
  constructor(client: () => GatewayClient, clock: Clock, random: Prng, onStarted: () => void) {
    this.#client = client;
    this.#clock = clock;
    this.#random = random;
    this.#onStarted = onStarted;
    this.#button.addEventListener('click', () => this.toggle());
    this.#rate.addEventListener('input', () => {
      element('demo-rate-text', HTMLOutputElement).value = this.#rate.value;
      if (this.#timer !== null) this.#schedule();
    });
  }

  toggle(): void {
    if (this.#timer === null) {
      this.#sent = 0;
      this.#schedule();
      this.#tick();
    } else this.#stop();
    this.#draw();
  }

  #schedule(): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.setInterval(1000 / Number(this.#rate.value), () => this.#tick());
  }

  #stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #tick(): void {
    if (this.#inflight >= INFLIGHT_MAX) return;
    this.#inflight++;
    void this.#publish().finally(() => {
      this.#inflight--;
    });
  }

  async #publish(): Promise<void> {
    const sensor = SENSORS[Math.floor(this.#random.float() * SENSORS.length)] as string;
    const before = this.#levels.get(sensor) ?? 50;
    const level = Math.min(100, Math.max(0, before + (this.#random.float() - 0.5) * 6));
    this.#levels.set(sensor, level);
    const value = JSON.stringify({
      sensor,
      level: Number(level.toFixed(1)),
      flow: Number((level * 0.37 + this.#random.float()).toFixed(2)),
      status: level > 85 ? 'high' : level < 15 ? 'low' : 'ok',
    });
    try {
      const headers = [{ name: 'source', value: 'demo page' }];
      await this.#client().publish(DEMO_TOPIC, { key: sensor, value, headers });
      if (this.#sent++ === 0) this.#onStarted();
      tell('demo-note', `${this.#sent} sent`);
    } catch (error) {
      this.#stop();
      this.#draw();
      tell('demo-note', (error as Error).message, true);
    }
  }

  #draw(): void {
    const isOn = this.#timer !== null;
    this.#button.setAttribute('aria-pressed', String(isOn));
    this.#button.textContent = isOn ? 'Stop' : 'Start';
  }
}
