import 'reflect-metadata';
import { Type } from 'class-transformer';
import { ArrayMinSize, IsEmail, IsInt, IsString, Min, ValidateNested } from 'class-validator';
import { describe, expect, it } from 'vitest';
import { InvalidOptionsError, PayloadValidationError } from '../../lib/errors.js';
import type { StandardResult, StandardSchema } from '../../lib/job/payload-schema.js';
import { createPayloadValidator } from '../../lib/job/payload-validator.js';

class Line {
  @IsString() article!: string;
  @IsInt() @Min(1) count!: number;
}

class Address {
  @IsString() city!: string;
}

class Order {
  @IsEmail() to!: string;
  @ValidateNested() @Type(() => Address) address!: Address;
  @ValidateNested({ each: true }) @ArrayMinSize(1) @Type(() => Line) lines!: Line[];
}

class Plain {
  a?: number;
}

const ORDER = { to: 'a@example.com', address: { city: 'Bern' }, lines: [{ article: 'pen', count: 2 }] };

async function refusal(promise: Promise<unknown>): Promise<PayloadValidationError> {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(PayloadValidationError);
  return error as PayloadValidationError;
}

function schema<T>(validate: (value: unknown) => StandardResult<T> | Promise<StandardResult<T>>): StandardSchema<T> {
  return { '~standard': { version: 1, vendor: 'test', validate } };
}

describe('a payload class', () => {
  const validate = createPayloadValidator('order', Order);

  it('gives an instance, nested ones included', async () => {
    const order = (await validate(ORDER)) as Order;
    expect(order).toBeInstanceOf(Order);
    expect(order.lines[0]).toBeInstanceOf(Line);
    expect(order).toEqual(ORDER);
  });

  it('names every wrong field by its path, and the job', async () => {
    const error = await refusal(
      validate({
        to: 'nobody',
        address: {},
        lines: [
          { article: 'pen', count: 1 },
          { article: 5, count: 0 },
        ],
      }),
    );
    expect(error).toMatchObject({ jobName: 'order', code: 'PAYLOAD_VALIDATION', status: 400 });
    expect(error.fields.map(({ path }) => path).sort()).toEqual([
      'address.city',
      'lines.1.article',
      'lines.1.count',
      'to',
    ]);
    expect(error.message).toMatch(/job "order".*to: to must be an email/);
    expect(error.fields.every(({ messages }) => messages.length > 0)).toBe(true);
  });

  it('names a field of the list itself', async () => {
    const error = await refusal(validate({ ...ORDER, lines: [] }));
    expect(error.fields).toEqual([{ path: 'lines', messages: ['lines must contain at least 1 elements'] }]);
  });

  it.each([undefined, null, 'text', 5, [ORDER]])('refuses %j, which is no object', async (payload) => {
    const error = await refusal(validate(payload));
    expect(error.fields).toEqual([{ path: '', messages: ['must be an object (Order)'] }]);
  });

  it('without decorators accepts any object', async () => {
    await expect(createPayloadValidator('plain', Plain)({ a: 1 })).resolves.toBeInstanceOf(Plain);
  });
});

describe('a Standard Schema', () => {
  it('gives its output', async () => {
    const validate = createPayloadValidator(
      'n',
      schema((value) => ({ value: Number(value) })),
    );
    await expect(validate('42')).resolves.toBe(42);
  });

  it('may answer later', async () => {
    const validate = createPayloadValidator(
      'n',
      schema(async (value) => ({ value: [value] })),
    );
    await expect(validate(1)).resolves.toEqual([1]);
    const refusing = createPayloadValidator(
      'n',
      schema(async () => ({ issues: [{ message: 'no' }] })),
    );
    expect((await refusal(refusing(1))).fields).toEqual([{ path: '', messages: ['no'] }]);
  });

  it('may be a function', async () => {
    const callable = Object.assign(
      () => undefined,
      schema(() => ({ value: 'checked' })),
    );
    await expect(createPayloadValidator('n', callable as never)(1)).resolves.toBe('checked');
  });

  it('may accept undefined as a value', async () => {
    await expect(
      createPayloadValidator(
        'n',
        schema(() => ({ value: undefined })),
      )(1),
    ).resolves.toBeUndefined();
  });

  it('names its issues by path, several of one path together', async () => {
    const validate = createPayloadValidator(
      'n',
      schema(() => ({
        issues: [
          { message: 'short', path: ['user', { key: 'names' }, 0] },
          { message: 'odd', path: ['user', 'names', { key: 0 }] },
          { message: 'whole', path: [] },
          { message: 'secret', path: [Symbol('hidden')] },
        ],
      })),
    );
    expect((await refusal(validate({}))).fields).toEqual([
      { path: 'user.names.0', messages: ['short', 'odd'] },
      { path: '', messages: ['whole'] },
      { path: 'Symbol(hidden)', messages: ['secret'] },
    ]);
  });

  it('that throws is not a refusal of the payload', async () => {
    const validate = createPayloadValidator(
      'n',
      schema(() => {
        throw new Error('the schema is broken');
      }),
    );
    await expect(validate(1)).rejects.toThrow('the schema is broken');
  });
});

describe('what is neither', () => {
  it.each([[{}], ['text'], [5]])('%j is refused when the job is defined', (value) => {
    expect(() => createPayloadValidator('x', value as never)).toThrow(InvalidOptionsError);
    expect(() => createPayloadValidator('x', value as never)).toThrow(/"payload"/);
  });
});
