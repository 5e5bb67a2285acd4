import { encodePayload } from '../job/encode-payload.js';
import type { ActivationHost } from './activation-host.js';
import type { ClaimedRun } from './run-record.js';

/** How the values of one run are written down. */
export class RunValues {
  constructor(
    readonly run: ClaimedRun,
    readonly host: ActivationHost,
  ) {}

  /** @param what names the value in messages @throws PayloadError when it cannot be serialised, or is too large */
  encode(what: string, value: unknown): string | null {
    const { codecs, maxResultBytes } = this.host;
    const { codec: name } = this.run;
    const codec = {
      name,
      encode: (each: unknown) => codecs.encode(name, each),
      decode: (text: string) => codecs.decode(name, text),
    };
    return encodePayload(what, value, codec, maxResultBytes);
  }

  decode(value: string | null): unknown {
    return this.host.codecs.decode(this.run.codec, value);
  }

  /** Of a step: the same for every try, but another one after the run was replayed by hand. */
  idempotencyKey(key: string): string {
    const { id, replays } = this.run;
    return replays === 0 ? `${id}:${key}` : `${id}:${key}@${replays + 1}`;
  }
}
