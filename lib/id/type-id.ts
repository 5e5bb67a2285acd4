import { randomFillSync } from 'node:crypto';

/*
 * TypeIDs: a prefix, an underscore and a UUIDv7 in Crockford base32 (https://github.com/jetify-com/typeid,
 * RFC 9562 section 5.7). Written here and not taken from a package because every enqueue makes one and
 * every row of the stores' hot path converts one.
 */

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

const DECODED = new Uint8Array(128).fill(255);
for (let i = 0; i < ALPHABET.length; i++) DECODED[ALPHABET.charCodeAt(i)] = i;

const LETTERS = Buffer.from(ALPHABET, 'latin1');
const HEX_DIGITS = Buffer.from('0123456789abcdef', 'latin1');
const HYPHEN = 45;
const OPEN = 123;
const COMMA = 44;
const CLOSE = 125;
const UUID_LENGTH = 36;
/** Where the 32 digits of a UUID stand in its text form. */
const PLACES = Array.from({ length: UUID_LENGTH }, (_, at) => at).filter((at) => ![8, 13, 18, 23].includes(at));

/** Characters of the suffix: 128 bits in base32, the first character holding only three of them. */
export const SUFFIX_LENGTH = 26;

const POOL_SIZE = 8192;
const pool = Buffer.alloc(POOL_SIZE);
let poolOffset = POOL_SIZE;

const scratch = new Uint8Array(16);
// Texts are put together in bytes: a string made by appending is a chain of pieces, some 600 bytes for an id (2026-11-26).
const suffix = Buffer.alloc(SUFFIX_LENGTH);
const uuid = Buffer.alloc(UUID_LENGTH);
let lastMs = 0;
let sequence = 0;

/**
 * Writes the next UUIDv7 into `scratch`. Ids of one process only ever grow: within a millisecond the twelve
 * bits after the time and the next eighteen count up from a random start (RFC 9562, method 1).
 */
function nextUuid(nowMs: number): Uint8Array {
  if (poolOffset + 10 > POOL_SIZE) {
    randomFillSync(pool);
    poolOffset = 0;
  }
  const random = poolOffset;
  poolOffset += 10;

  if (nowMs > lastMs) {
    lastMs = nowMs;
    sequence =
      ((pool[random]! & 0x07) << 24) | (pool[random + 1]! << 16) | (pool[random + 2]! << 8) | pool[random + 3]!;
  } else if (++sequence > 0x3fffffff) {
    lastMs += 1;
    sequence = 0;
  }
  const ms = lastMs;
  const high = Math.floor(ms / 0x100000000);
  const low = ms >>> 0;
  scratch[0] = high >>> 8;
  scratch[1] = high;
  scratch[2] = low >>> 24;
  scratch[3] = low >>> 16;
  scratch[4] = low >>> 8;
  scratch[5] = low;
  scratch[6] = 0x70 | (sequence >>> 26);
  scratch[7] = sequence >>> 18;
  scratch[8] = 0x80 | ((sequence >>> 12) & 0x3f);
  scratch[9] = sequence >>> 4;
  scratch[10] = ((sequence & 0x0f) << 4) | (pool[random + 4]! & 0x0f);
  for (let i = 11; i < 16; i++) scratch[i] = pool[random + i - 6]!;
  return scratch;
}

function encodeSuffix(bytes: Uint8Array): string {
  // 16 bytes are 128 bits; two zero bits in front make 130, which are 26 groups of five.
  let at = 0;
  let buffer = 0;
  let bits = 2;
  for (let i = 0; i < 16; i++) {
    buffer = (buffer << 8) | bytes[i]!;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      suffix[at++] = LETTERS[(buffer >>> bits) & 31]!;
    }
    buffer &= (1 << bits) - 1;
  }
  return suffix.toString('latin1');
}

/**
 * Makes a new TypeID.
 *
 * @param prefix lower-case letters, without the underscore
 * @param nowMs epoch milliseconds that the id sorts by
 */
export function newTypeId(prefix: string, nowMs: number = Date.now()): string {
  return `${prefix}_${encodeSuffix(nextUuid(nowMs))}`;
}

/**
 * Whether `text` is a well-formed TypeID with this prefix.
 */
export function isTypeId(text: unknown, prefix: string): boolean {
  if (typeof text !== 'string') return false;
  const start = prefix.length + 1;
  if (text.length !== start + SUFFIX_LENGTH || text.charCodeAt(start - 1) !== 95 || !text.startsWith(prefix))
    return false;
  if (text.charCodeAt(start) > 55) return false; // the first character holds three bits: 0 to 7
  for (let i = start; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 127 || DECODED[code] === 255) return false;
  }
  return true;
}

/**
 * The UUID inside a well-formed TypeID, in its usual text form with hyphens.
 *
 * @param id a TypeID that {@link isTypeId} accepts
 */
export function typeIdToUuid(id: string): string {
  writeUuid(id, uuid, 0);
  return uuid.toString('latin1');
}

/**
 * The UUIDs inside well-formed TypeIDs as PostgreSQL writes an array of them: `{...,...}`.
 *
 * @param ids TypeIDs that {@link isTypeId} accepts
 */
export function typeIdsToUuidArray(ids: readonly string[]): string {
  if (ids.length === 0) return '{}';
  const text = Buffer.allocUnsafe(ids.length * (UUID_LENGTH + 1) + 1);
  let at = 0;
  for (const id of ids) {
    text[at] = at === 0 ? OPEN : COMMA;
    writeUuid(id, text, at + 1);
    at += UUID_LENGTH + 1;
  }
  text[at] = CLOSE;
  return text.toString('latin1', 0, at + 1);
}

function writeUuid(id: string, target: Buffer, start: number): void {
  let digit = 0;
  let buffer = 0;
  let bits = -2; // the two zero bits in front
  for (let i = id.length - SUFFIX_LENGTH; i < id.length; i++) {
    buffer = (buffer << 5) | DECODED[id.charCodeAt(i)]!;
    bits += 5;
    while (bits >= 4) {
      bits -= 4;
      target[start + PLACES[digit++]!] = HEX_DIGITS[(buffer >>> bits) & 15]!;
    }
    buffer &= (1 << bits) - 1;
  }
  target[start + 8] = target[start + 13] = target[start + 18] = target[start + 23] = HYPHEN;
}

/**
 * The TypeID of a UUID.
 *
 * @param prefix lower-case letters, without the underscore
 * @param text a UUID in its text form with hyphens
 */
export function uuidToTypeId(prefix: string, text: string): string {
  let at = 0;
  let buffer = 0;
  let bits = 2;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === HYPHEN) continue;
    buffer = (buffer << 4) | hexDigit(code);
    bits += 4;
    if (bits < 5) continue;
    bits -= 5;
    suffix[at++] = LETTERS[(buffer >>> bits) & 31]!;
    buffer &= (1 << bits) - 1;
  }
  return `${prefix}_${suffix.toString('latin1')}`;
}

function hexDigit(code: number): number {
  return code <= 57 ? code - 48 : (code | 32) - 87;
}
