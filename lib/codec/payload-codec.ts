/**
 * Turns payloads and results into text and back. Its name is stored with each row, so that rows written by
 * another codec stay readable while both are registered.
 */
export interface PayloadCodec {
  /** Stored with each row; at most 32 characters. */
  readonly name: string;
  /**
   * @returns the text to store, or `undefined` when the value is `undefined`
   * @throws when the value cannot be represented
   */
  encode(value: unknown): string | undefined;
  /** The value that {@link encode} was given, as far as the codec can represent it. */
  decode(text: string): unknown;
}

/** The default: JSON text. */
export const jsonCodec: PayloadCodec = {
  name: 'json',
  encode: (value) => JSON.stringify(value),
  decode: (text) => JSON.parse(text) as unknown,
};

/** Codecs by the name stored in rows. */
export class CodecRegistry {
  private readonly byName = new Map<string, PayloadCodec>();

  /** @param current the codec that new rows are written with */
  constructor(
    readonly current: PayloadCodec = jsonCodec,
    others: readonly PayloadCodec[] = [],
  ) {
    for (const codec of [jsonCodec, ...others, current]) this.byName.set(codec.name, codec);
  }

  /**
   * @param text a stored text; `null` means that there was no value
   * @throws {Error} when no codec of this name is registered, or the text cannot be read by it
   */
  decode(name: string, text: string | null): unknown {
    return text === null ? undefined : this.get(name).decode(text);
  }

  /**
   * Encodes a value for a row that was written with the codec of this name, which is one for all its columns.
   *
   * @throws {Error} when no codec of this name is registered, or it cannot represent the value
   */
  encode(name: string, value: unknown): string | undefined {
    return this.get(name).encode(value);
  }

  private get(name: string): PayloadCodec {
    const codec = this.byName.get(name);
    if (!codec) throw new Error(`No payload codec named "${name}" is registered. Add it to the "codecs" option.`);
    return codec;
  }
}
