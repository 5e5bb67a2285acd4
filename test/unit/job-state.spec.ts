import { describe, expect, it } from 'vitest';
import { JOB_STATES, JOB_TRANSITIONS, canTransition, isJobState, isTerminal } from '../../lib/job/job-state.js';

describe('the states of a job', () => {
  it.each([
    ['claim', 'pending retrying'],
    ['complete', 'running'],
    ['retry', 'running'],
    ['fail', 'running'],
    ['snooze', 'running'],
    ['release', 'running'],
    ['rescue', 'running'],
    ['cancel', 'pending running retrying'],
    ['reopen', 'failed cancelled'],
    ['replace', 'pending retrying'],
    ['discard', 'pending retrying completed failed cancelled'],
  ] as const)('%s starts from %s only', (transition, from) => {
    expect(JOB_STATES.filter((state) => canTransition(transition, state)).join(' ')).toBe(from);
  });

  it('have no transition beside those', () => {
    expect(Object.keys(JOB_TRANSITIONS)).toHaveLength(11);
  });

  it('end in three of them, which nothing but reopen and discard leaves', () => {
    const ends = JOB_STATES.filter(isTerminal);
    expect(ends).toEqual(['completed', 'failed', 'cancelled']);
    const leaving = Object.entries(JOB_TRANSITIONS).filter(([, from]) => from.some(isTerminal));
    expect(leaving.map(([transition]) => transition)).toEqual(['reopen', 'discard']);
  });

  it('are told from everything else', () => {
    expect(JOB_STATES.every(isJobState)).toBe(true);
    for (const value of ['Pending', '', undefined, null, 0, {}, 'toString']) expect(isJobState(value)).toBe(false);
  });
});
