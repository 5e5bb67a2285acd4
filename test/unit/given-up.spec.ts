import { describe, expect, it } from 'vitest';
import { givenUp, onGivenUp } from '../../lib/job/given-up.js';
import type { JobContext } from '../../lib/job/job-context.js';

const attempt = (): JobContext => ({}) as JobContext;

describe('an attempt that is given up', () => {
  it('has everything done that was asked for, once, and nothing that was taken back or is of another', () => {
    const [context, done] = [attempt(), [] as string[]];
    onGivenUp(context, () => done.push('first'));
    const forget = onGivenUp(context, () => done.push('taken back'));
    onGivenUp(context, () => done.push('second'));
    onGivenUp(attempt(), () => done.push('of another'));
    forget();
    givenUp(context);
    givenUp(context);
    expect(done).toEqual(['first', 'second']);
  });

  it('has at once what is asked for later', () => {
    const [context, done] = [attempt(), [] as string[]];
    givenUp(context);
    onGivenUp(context, () => done.push('late'))();
    expect(done).toEqual(['late']);
  });
});
