import { systemClock, systemRandom } from '@millrace/base';
import { GatewayClient } from '@millrace/gateway-client';
import { Chart } from './chart.ts';
import { DEMO_TOPIC, DemoTraffic } from './demo-traffic.ts';
import { element, tell } from './elements.ts';
import { Meters } from './meters.ts';
import { PublishForm } from './publish-form.ts';
import { Reader } from './reader.ts';
import { ReadingForm } from './reading-form.ts';
import { Tail } from './tail.ts';
import { fetchTopics, type ListedTopic } from './topic-api.ts';
import { TopicPanel } from './topic-panel.ts';

const DRAW_EVERY_MS = 100;
const SAMPLE_EVERY_MS = 1000;
const TOPICS_EVERY_MS = 5000;
const CONNECTION_TEXT: Readonly<Record<string, string>> = {
  idle: 'not connected',
  connecting: 'connecting …',
  ready: 'connected',
  reconnecting: 'connecting again …',
  closed: 'closed',
};

/** The page: which topic is open, and who tells whom. */
class Page {
  readonly #clock = systemClock;
  readonly #meters = new Meters();
  readonly #tail = new Tail();
  readonly #form = new ReadingForm();
  readonly #panel = new TopicPanel((name) => this.#choose(name));
  readonly #publish = new PublishForm(
    () => this.#client(),
    () => void this.#refreshTopics(),
  );
  readonly #reader = new Reader({
    meters: this.#meters,
    tail: this.#tail,
    onState: (text, isBad) => this.#showState(text, isBad),
  });
  readonly #demo = new DemoTraffic(
    () => this.#client(),
    systemClock,
    systemRandom,
    () => void this.#openDemo(),
  );
  #chart: Chart | null = null;
  #token: string | null = null;
  #connected: GatewayClient | null = null;
  #topics: readonly ListedTopic[] = [];
  #topic: string | null = null;

  async start(): Promise<void> {
    this.#listen();
    await this.#refreshTopics();
    this.#clock.setInterval(TOPICS_EVERY_MS, () => {
      if (!document.hidden) void this.#refreshTopics();
    });
    this.#clock.setInterval(DRAW_EVERY_MS, () => this.#tail.draw(this.#clock.nowMs()));
    this.#clock.setInterval(SAMPLE_EVERY_MS, () => {
      const sample = this.#meters.sample(SAMPLE_EVERY_MS / 1000);
      if (this.#topic !== null) this.#chart?.add(this.#clock.nowMs(), sample);
    });
  }

  #listen(): void {
    element('sign-in', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      this.#token = element('token', HTMLTextAreaElement).value.trim();
      void this.#refreshTopics();
    });
    element('reading', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      if (this.#topic !== null) this.#read(this.#topic);
    });
    element('pause', HTMLButtonElement).addEventListener('click', () => this.#reader.togglePause());
    element('stop', HTMLButtonElement).addEventListener('click', () => {
      this.#reader.stop();
      this.#showState('Stopped', false);
    });
    element('welcome-start', HTMLButtonElement).addEventListener('click', () =>
      this.#demo.toggle(),
    );
    document.addEventListener('keydown', (event) => {
      const target = event.target as HTMLElement;
      if (target.closest('input, textarea, select, dialog') !== null) return;
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === '/') {
        event.preventDefault();
        this.#panel.focusSearch();
      }
      if (event.key === 'p') this.#reader.togglePause();
    });
  }

  #client(): GatewayClient {
    if (this.#connected !== null) return this.#connected;
    const { protocol, host } = window.location;
    const token = this.#token;
    const client = new GatewayClient({
      url: `${protocol === 'https:' ? 'wss' : 'ws'}://${host}/v1/ws`,
      ...(token === null ? {} : { getToken: async () => this.#token ?? token }),
    });
    const lamp = element('connection', HTMLParagraphElement);
    client.on('state', (state) => {
      lamp.dataset.state = state;
      element('connection-text', HTMLSpanElement).textContent = CONNECTION_TEXT[state] ?? state;
      if (state === 'closed') this.#connected = null;
    });
    this.#connected = client;
    return client;
  }

  async #refreshTopics(): Promise<void> {
    const answer = await fetchTopics(this.#token);
    const isOpen = answer.kind !== 'token wanted';
    element('sign-in', HTMLFormElement).hidden = isOpen;
    element('desk', HTMLDivElement).hidden = !isOpen;
    if (answer.kind === 'token wanted') {
      tell(
        'sign-in-why',
        answer.why || 'This gateway lets nobody in without one.',
        answer.why !== '',
      );
      return;
    }
    if (answer.kind === 'failed') {
      tell('topics-note', answer.why, true);
      return;
    }
    this.#chart ??= new Chart(this.#clock.nowMs());
    const who = answer.subject === 'anonymous' ? 'development mode' : answer.subject;
    element('subject', HTMLParagraphElement).textContent = who;
    this.#showTopics(answer.topics);
  }

  #showTopics(topics: readonly ListedTopic[]): void {
    this.#topics = topics;
    this.#panel.show(topics);
    this.#publish.offer(topics.filter(({ write }) => write).map(({ name }) => name));
    const readable = topics.filter(({ read }) => read).map(({ name }) => name);
    element('welcome', HTMLElement).hidden = readable.length > 0;
    element('reading', HTMLFormElement).hidden = readable.length === 0;
    // Whoever opens the page sees records without asking.
    const first = readable.includes(DEMO_TOPIC) ? DEMO_TOPIC : readable[0];
    if (this.#topic === null && first !== undefined) this.#choose(first);
  }

  async #openDemo(): Promise<void> {
    if (this.#topic === null) this.#form.startAtEarliest();
    await this.#refreshTopics();
    if (this.#topic !== DEMO_TOPIC && this.#topics.some(({ name }) => name === DEMO_TOPIC)) {
      this.#choose(DEMO_TOPIC);
    }
  }

  #choose(name: string): void {
    this.#topic = name;
    element('topic-name', HTMLHeadingElement).textContent = name;
    document.title = `${name} · Millrace`;
    this.#panel.mark(name);
    this.#publish.follow(name);
    this.#read(name);
  }

  #read(topic: string): void {
    this.#meters.reset();
    this.#chart?.reset();
    this.#tail.clear('Nothing has come yet. New records show up here by themselves.');
    const partitions = this.#topics.find(({ name }) => name === topic)?.partitions ?? 1;
    const filter = this.#form.filter();
    try {
      this.#reader.read(this.#client(), topic, {
        start: this.#form.start(partitions),
        ...(filter === undefined ? {} : { filter }),
      });
    } catch (error) {
      this.#showState((error as Error).message, true);
    }
  }

  #showState(text: string, isBad: boolean): void {
    tell('reading-note', text, isBad);
    const pause = element('pause', HTMLButtonElement);
    pause.disabled = !this.#reader.isReading;
    pause.textContent = this.#reader.isPaused ? 'Go on' : 'Pause';
    element('stop', HTMLButtonElement).disabled = !this.#reader.isReading;
  }
}

await new Page().start();
