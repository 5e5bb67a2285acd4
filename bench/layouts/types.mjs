import { typeIdToUuid, uuidToTypeId } from './ids.mjs';

/*
 * The column types a layout is built with. `id` and `time` are SQL types, `now` reads the store's clock
 * in that type, `later` adds milliseconds to a time. toDb/fromDb are what the client pays per id.
 */

const identity = (value) => value;

const ID_TYPES = {
  uuid: {
    id: 'uuid',
    idArray: 'uuid[]',
    toDb: typeIdToUuid,
    fromDb: (value) => uuidToTypeId('job', value),
    workerToDb: typeIdToUuid,
  },
  text: { id: 'text collate "C"', idArray: 'text[]', toDb: identity, fromDb: identity, workerToDb: identity },
};

const TIME_TYPES = {
  // date_part gives a float8: extract() would give a numeric, which costs several times as much per row.
  bigint: {
    time: 'bigint',
    timeArray: 'bigint[]',
    now: "(date_part('epoch', clock_timestamp()) * 1000)::bigint",
    later: (time, ms) => `${time} + ${ms}`,
    timeToDb: identity,
    timeFromDb: Number,
    timeOut: identity,
  },
  timestamptz: {
    time: 'timestamptz',
    timeArray: 'timestamptz[]',
    now: 'clock_timestamp()',
    later: (time, ms) => `${time} + ${ms} * interval '1 ms'`,
    timeToDb: (ms) => (ms === null ? null : new Date(ms).toISOString()),
    timeFromDb: (text) => Date.parse(text),
    timeOut: identity,
  },
};

/**
 * @param {{ id?: 'uuid' | 'text', time?: 'bigint' | 'timestamptz' }} choice
 */
export function columnTypes({ id = 'uuid', time = 'bigint' } = {}) {
  return { ...ID_TYPES[id], ...TIME_TYPES[time] };
}
