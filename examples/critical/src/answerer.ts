// The answering process: sends back what comes, over the bus and, while it is told to, over the rings that it spins on.
import { createBus } from '@busbar/core';
import { available } from '@busbar/native';
import { shm } from '@busbar/transport-shm';
import { Hello, Ping, Pong, Spin } from './contracts.ts';
import { SpinEnd } from './spin.ts';

// Ctrl-C reaches both processes; the asking one ends this one, by leaving the bus.
process.on('SIGINT', () => {});
await available();
await using bus = await createBus({ name: 'answerer', plugins: [shm()] });
const over = new Promise<void>((resolve) => {
  bus.on('leave', () => resolve()).on('lost', () => resolve());
});

const pongs = bus.publisher(Pong);
const pings = bus.subscribe(Ping, ({ data }) => void pongs.send(data));
const end = new SpinEnd();
const spin = bus.serve(Spin, (on) => {
  if (on) end.start(() => end.send());
  else end.stop();
  const { user, system } = process.cpuUsage();
  return user + system;
});
await Promise.all([pings.ready, spin.ready]);
end.connect(await bus.request(Hello, end.address));
await over;
end.stop();
