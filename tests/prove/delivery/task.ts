/** A message of the group's work. */
export interface Task {
  /** Its name; see `taskName`. */
  readonly task: string;
  readonly number: number;
  /** Follows from the number. */
  readonly content: Uint8Array;
  /** Its sender waits less long than its handler may take. */
  readonly isHasty: boolean;
}

export const GROUP = 'workers';
export const PATTERN = 'work.>';
export const TOPICS = ['work.a', 'work.b', 'work.c', 'work.d'];

/** Names a task so that everybody who reads of it knows whose it is and which others it comes after. */
export function taskName(producer: string, topic: string, key: string | undefined, number: number): string {
  return `${producer}/${topic}/${key ?? ''}/${number}`;
}

/** The order a task is part of: that of a producer, topic and key. Undefined when it has no key. */
export function orderOf(task: string): { readonly line: string; readonly number: number } | undefined {
  const [producer, topic, key, number] = task.split('/');
  return key === '' ? undefined : { line: `${producer}/${topic}/${key}`, number: Number(number) };
}
