import type { PayloadCodec } from '../codec/payload-codec.js';
import { PayloadError } from '../errors.js';
import { errorText } from '../observability/logger.js';

/**
 * A payload as the text that is stored; `null` for `undefined`, which is no payload.
 *
 * @param whose names the job in messages
 * @param maxBytes longest text, in bytes of UTF-8
 * @throws PayloadError when it cannot be serialised or is too large
 */
export function encodePayload(whose: string, input: unknown, codec: PayloadCodec, maxBytes: number): string | null {
  let text: string | undefined;
  try {
    text = codec.encode(input);
  } catch (cause) {
    throw new PayloadError(`the payload of ${whose} cannot be serialised: ${errorText(cause)}`, { cause });
  }
  if (text === undefined) {
    if (input !== undefined)
      throw new PayloadError(`the payload of ${whose} cannot be serialised: it is a ${typeof input}.`);
    return null;
  }
  // Three bytes are the most that one UTF-16 unit takes: short texts need no count.
  if (text.length * 3 > maxBytes && Buffer.byteLength(text) > maxBytes) {
    throw new PayloadError(
      `the payload of ${whose} has ${Buffer.byteLength(text)} bytes, more than the ${maxBytes} allowed. Store the data elsewhere and enqueue its key, or raise "maxPayloadBytes".`,
    );
  }
  return text;
}
