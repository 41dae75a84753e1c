import { createBus } from '@busbar/core';
import { type HostTransport, plugin } from './host-transport.ts';
import { OBJECT } from './object.ts';

/** A participant that takes the object rows' messages of `topic`. */
export async function openSink(topic: string, directory: string, transport: HostTransport = 'uds'): Promise<void> {
  const bus = await createBus({ name: 'serve', plugins: [await plugin(transport)], directory });
  bus.on('error', (error) => {
    throw error;
  });
  bus.subscribe<typeof OBJECT>(topic, ({ data }) => {
    if (data.id !== OBJECT.id) throw new Error('not the object that was sent');
  });
}
