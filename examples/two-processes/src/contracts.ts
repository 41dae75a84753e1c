import { call, topic } from '@busbar/core';

/** A reviewer's answer to a piece of work. */
export const Review = call<{ diff: string }, { ok: boolean; why: string }>('agent.review');
/** What the reviewer does, for whoever wants to know. */
export const Log = topic<{ text: string }>('agent.log');
