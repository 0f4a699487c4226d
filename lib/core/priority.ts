/** The three priorities, most urgent first. They are a subject token, so this list is closed. */
export const PRIORITIES = ['critical', 'default', 'bulk'] as const;

export type Priority = (typeof PRIORITIES)[number];

export function isPriority(text: string): text is Priority {
  return (PRIORITIES as readonly string[]).includes(text);
}

/** How many starts each priority gets while all of them have work: 16 : 4 : 1. */
export const PRIORITY_WEIGHTS: Readonly<Record<Priority, number>> = { critical: 16, default: 4, bulk: 1 };
