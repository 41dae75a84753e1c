import { type Bus, createBus, isBusError } from '@busbar/core';
import { SILENT } from '../silent.ts';

let bus: Bus | undefined;

/** A process that claims a name for itself. */
export const actions = {
  /** `owner`, or the code of the refusal. */
  async claim(directory: string, name: string): Promise<string> {
    try {
      bus = await createBus({ logger: SILENT, directory, name, exclusive: true });
      return 'owner';
    } catch (error) {
      if (isBusError(error)) return error.code;
      throw error;
    }
  },

  /** Gives the name back in good order. */
  async release(): Promise<void> {
    await bus?.close();
    bus = undefined;
  },
};
