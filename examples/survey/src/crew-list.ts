/** The name of the bus participant that everybody works for. */
export const ORCHESTRATOR = 'orchestrator';

/** The six agents of a survey; each is a process, named so on the bus. */
export const AGENTS = ['scout', 'reader-1', 'reader-2', 'analyst', 'archivist', 'supervisor'] as const;
export type AgentName = (typeof AGENTS)[number];

export const ROLES = ['scout', 'reader', 'analyst', 'archivist', 'supervisor'] as const;
export type Role = (typeof ROLES)[number];

export function isAgentName(value: unknown): value is AgentName {
  return (AGENTS as readonly unknown[]).includes(value);
}

export function isRole(value: unknown): value is Role {
  return (ROLES as readonly unknown[]).includes(value);
}

/** Two readers share one role; every other agent is alone in its own. */
export function roleOf(agent: AgentName): Role {
  return agent === 'reader-1' || agent === 'reader-2' ? 'reader' : agent;
}
