import assert from 'node:assert/strict';
import test from 'node:test';
import type { EventTrace } from '../../lib/store/trace.ts';
import { traceStages } from './trace-view.ts';

const at = (second: number): string => `2026-11-22T10:00:0${second}.000Z`;
const LETTER = 'slack:run/notify:0';

const trace: EventTrace = {
  event: { id: 'e', stream: 'EVENTS', seq: 1, source: 'github', type: 'push', key: 'A', priority: 'default', receivedAt: at(0), size: 2 },
  isProjected: true,
  fate: { kind: 'done', details: [] },
  runs: [],
  messages: {
    effects: [
      {
        id: 'run/notify/send',
        actor: 'slack',
        messageId: 'run/notify',
        state: 'done',
        repeats: 0,
        claimedAt: at(5),
        endedAt: at(6),
      },
    ],
    parked: [
      {
        actor: 'slack',
        partition: 0,
        messageId: 'run/later',
        stream: 'COMMANDS',
        seq: 9,
        attempts: 0,
        dueAt: null,
        because: '',
        history: [],
      },
    ],
    deadLetters: [
      {
        id: LETTER,
        actor: 'slack',
        partition: 0,
        messageId: 'run/notify',
        round: 0,
        eventKey: 'A',
        priority: 'default',
        reason: 'refused',
        because: 'invalid_blocks',
        detail: null,
        history: [{ attempt: 1, at: at(1), because: '500' }],
        stream: 'COMMANDS',
        seq: 3,
        run: 'run',
        step: 'notify',
        at: at(2),
        copySeq: 1,
        status: 'resolved',
        statusAt: at(7),
        statusBecause: null,
        fingerprint: '0123456789',
      },
    ],
    outcomes: [],
    acts: [{ at: at(4), who: 'ada', action: 'dead-letter.redeliver', target: LETTER }],
    outbox: [],
  },
};

test('the story of a dead letter stays visible after its redelivery, in the order of the time, with what waits at the end', () => {
  assert.deepEqual(
    traceStages(trace).map(({ what }) => what),
    [
      'received',
      'attempt 1 failed at slack',
      'dead letter',
      'dead letter redelivered',
      'effect claimed',
      'effect done',
      'dead letter resolved',
      'parked at slack',
    ],
  );
  assert.deepEqual(
    traceStages(trace)
      .filter(({ what }) => what.startsWith('dead letter'))
      .map(({ detail }) => detail),
    [`${LETTER}, refused: invalid_blocks`, `${LETTER}, by ada`, LETTER],
  );
});
