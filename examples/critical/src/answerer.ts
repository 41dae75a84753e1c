// The answering process: sends back what comes, by whichever way it is told to wait.
import { type Bus, createBus } from '@busbar/core';
import { available } from '@busbar/native';
import { shm } from '@busbar/transport-shm';
import { Hello, Ping, Pong, Wait } from './contracts.ts';
import { RingEnd } from './ring.ts';
import { openSpinner } from './spinner.ts';

/** Resolves when `bus` answers every message. */
async function answerOn(bus: Bus): Promise<void> {
  const pongs = bus.publisher(Pong);
  await bus.subscribe(Ping, ({ data }) => void pongs.send(data)).ready;
}

// Ctrl-C reaches both processes; the asking one ends this one, by leaving the bus.
process.on('SIGINT', () => {});
await available();
await using bus = await createBus({ name: 'answerer', plugins: [shm()] });
const over = new Promise<void>((resolve) => {
  bus.on('leave', () => resolve()).on('lost', () => resolve());
});

const end = new RingEnd();
let spinner: Bus | undefined;
const wait = bus.serve(Wait, async (way) => {
  if (way === 'ring') end.start(() => end.send());
  else end.stop();
  if (way === 'spin') {
    spinner ??= await openSpinner('answerer');
    await answerOn(spinner);
  } else {
    await spinner?.close();
    spinner = undefined;
  }
  const { user, system } = process.cpuUsage();
  return user + system;
});
await Promise.all([answerOn(bus), wait.ready]);
end.connect(await bus.request(Hello, end.address));
await over;
end.stop();
await spinner?.close();
