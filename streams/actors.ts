import type { LaneOwner } from './lanes.ts';

/**
 * Who reads what, in how many partitions. A partition is placed on one process at a time, so it bounds how far an actor
 * scales out; changing it is a migration, because a key may then have another lane.
 */
export const WORKFLOW_LANES = { name: 'workflow', reads: ['events', 'commands'], partitions: 4 } as const satisfies LaneOwner;
export const SLACK_LANES = { name: 'slack', reads: ['commands'], partitions: 2 } as const satisfies LaneOwner;

/** Two, so that two renderers can share the work. */
export const DOCUMENT_LANES = { name: 'document', reads: ['commands'], partitions: 2 } as const satisfies LaneOwner;

export const EMAIL_LANES = { name: 'email', reads: ['commands'], partitions: 2 } as const satisfies LaneOwner;

export const ACTOR_LANES: readonly LaneOwner[] = [WORKFLOW_LANES, SLACK_LANES, DOCUMENT_LANES, EMAIL_LANES];
