import { describe, expect, it } from 'vitest';
import { newWorkerId } from '../../lib/id/ids.js';
import { ClaimMarks } from '../../lib/store/typeorm/postgres/sql/claim-marks.js';

const request = { workerId: newWorkerId(), names: ['greet'] };
const place = { rank: -5, runAt: 1_000, uuid: 'b' };

/** Marks after two walks from the head that took so long each, the last one from `at`. */
function marksAfter(walkMs: number, rows = 10, at = 1_000): ClaimMarks {
  const marks = new ClaimMarks();
  marks.walked(0, walkMs, rows);
  marks.walked(at, at + walkMs, rows);
  marks.took(request, [{ queue: 'default', ...place }]);
  return marks;
}

describe('claims', () => {
  it('walk from the head as long as that is quick', () => {
    expect(marksAfter(9).from(request, 1_010)).toBeUndefined();
    expect(marksAfter(39, 1_000).from(request, 1_040)).toBeUndefined();
  });

  it('begin where the last one ended when walks from the head are slow, but not for one slow walk', () => {
    expect(marksAfter(50).from(request, 1_060)?.get('default')).toEqual(place);
    const marks = marksAfter(50);
    marks.walked(2_000, 2_001, 10);
    marks.walked(3_000, 3_050, 10);
    expect(marks.from(request, 3_051)).toBeUndefined();
  });

  it('walk from the head again after ten times as long, and after twice as long when others have news', () => {
    const marks = marksAfter(50);
    expect(marks.walkInMs(1_050)).toBe(500);
    expect(marks.from(request, 1_549)).toBeDefined();
    expect(marks.from(request, 1_550)).toBeUndefined();
    marks.doubt();
    expect(marks.from(request, 1_149)).toBeDefined();
    expect(marks.from(request, 1_150)).toBeUndefined();
    marks.walked(2_000, 2_050, 10);
    expect(marks.from(request, 2_549), 'the walk has answered the doubt').toBeDefined();
  });

  it('begin at the head of a queue in which this process has put something in front of the mark', () => {
    const marks = marksAfter(50);
    marks.came('default', -5, null);
    marks.came('default', -4, 500);
    marks.came('default', -5, 1_001);
    marks.came('other', -9, null);
    expect(marks.from(request, 1_060)?.has('default')).toBe(true);
    marks.came('default', -6, null);
    expect(marks.from(request, 1_060)?.has('default')).toBe(false);
    const again = marksAfter(50);
    again.came('default', -5, 1_000);
    expect(again.from(request, 1_060)?.has('default')).toBe(false);
    const cleared = marksAfter(50);
    cleared.clear();
    expect(cleared.from(request, 1_060)?.has('default')).toBe(false);
  });

  it('of another worker or for other names know nothing of the marks', () => {
    expect(marksAfter(50).from({ ...request, workerId: newWorkerId() }, 1_060)).toBeUndefined();
    expect(marksAfter(50).from({ ...request, names: ['greet', 'count'] }, 1_060)).toBeUndefined();
    const marks = marksAfter(50);
    marks.took({ ...request, names: ['count'] }, []);
    expect(marks.from({ ...request, names: ['count'] }, 1_060)?.size).toBe(0);
  });
});
