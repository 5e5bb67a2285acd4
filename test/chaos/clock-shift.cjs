// Loaded before anything else into every thread of a worker process: a clock that is off, as a machine's may be.
const { offsetMs } = JSON.parse(process.env.CHAOS_WORKER);
const RealDate = Date;

globalThis.Date = class Date extends RealDate {
  constructor(...parts) {
    super(...(parts.length === 0 ? [RealDate.now() + offsetMs] : parts));
  }
  static now() {
    return RealDate.now() + offsetMs;
  }
};
