/** Programs whose end is the point: `node script.mjs PROGRAM DIRECTORY`. */
import { createBus } from '@busbar/core';
import { uds } from '@busbar/transport-uds';

const [, , program, directory] = process.argv;
const logger = { debug() {}, info() {}, warn() {}, error() {} };
const open = (options) => createBus({ name: program, directory, plugins: [uds()], logger, ...options });
const say = (words) => process.stdout.write(`${words}\n`);

const programs = {
  /** Publishes, asks, awaits and ends: nobody tells it to. */
  async sender() {
    const bus = await open();
    const { deliveries } = await bus.publish('news', 'hello');
    const publisher = bus.publisher('news');
    for (let n = 0; n < 100; n++) publisher.send(n);
    await publisher.flush();
    say(`delivered ${deliveries.length}, answered ${await bus.request('echo', 'hi')}`);
  },

  /** Leaves with a publish unsettled: the process must stay for it. */
  async careless() {
    const bus = await open();
    void bus.publish('news', 'not awaited').then(({ deliveries }) => say(`delivered ${deliveries.length}`));
  },

  /** Changes its transports; nothing else holds it. */
  async plugger() {
    const bus = await open();
    await bus.use(uds({ name: 'uds-b' }));
    await bus.remove('uds');
    say('changed');
  },

  /** Reads a stream to its end; nothing else holds it. */
  async reader() {
    const bus = await open();
    const opened = bus.open('count', 1000);
    let sum = 0;
    for await (const n of opened) sum += n;
    say(`${sum}, ${await opened.result}`);
  },

  async subscriber() {
    const bus = await open();
    bus.subscribe('news', () => {});
    say('ready');
  },

  async server() {
    const bus = await open();
    bus.serve('echo', (input) => input);
    say('ready');
  },

  /** Stays as long as its subscription. */
  async unsubscriber() {
    const bus = await open();
    const subscription = bus.subscribe('news', () => subscription.close());
    await subscription.ready;
    say('ready');
  },

  async signalled() {
    const bus = await open({ closeOnSignals: true });
    bus.subscribe('news', () => {});
    say('ready');
  },

  /** Closing takes as long as the subscriber of `stuck` lets it. */
  async stubborn() {
    const bus = await open({ closeOnSignals: true });
    bus.subscribe('news', () => {});
    for (let n = 0; n < 40; n++) bus.publish('stuck', new Uint8Array(20_000)).catch(() => {});
    say('ready');
  },

  async idle() {
    const bus = await open();
    bus.subscribe('news', () => {});
    bus.serve('echo', (input) => input);
    say('ready');
    process.on('message', async () => {
      const before = process.cpuUsage();
      await new Promise((resolve) => setTimeout(resolve, 5000));
      const { user, system } = process.cpuUsage(before);
      process.send(user + system);
    });
  },
};

await programs[program]();
