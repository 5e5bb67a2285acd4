/** When a process dies: before it calls the handler, or after the handler returned and before that is written. */
export type CrashMoment = 'before-handler' | 'after-handler';

/** Which attempts are to end with the death of their process. */
export class CrashPlan {
  private readonly moments = new Map<string, CrashMoment[]>();

  add(name: string, moment: CrashMoment, times: number): void {
    const planned = this.moments.get(name) ?? [];
    for (let each = 0; each < times; each++) planned.push(moment);
    this.moments.set(name, planned);
  }

  /** What was planned for the next attempt of this job; asked once an attempt. */
  take(name: string): CrashMoment | undefined {
    return this.moments.get(name)?.shift();
  }
}
