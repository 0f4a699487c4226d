/**
 * What the programs' Node is started with. Where messages live for some milliseconds, V8 lets its young generation grow to three times
 * 16 MiB, and what dies there takes the rest of the heap along: a process that worked off 100,000 messages had 240 to 260 MB resident,
 * with half of it 140 to 155, for the same processor time.
 */
export const NODE_FLAGS: readonly string[] = ['--max-semi-space-size=8'];
