import { BadRequestException } from '@nestjs/common';
import { PayloadValidationError, standFor } from '../errors.js';

/**
 * A payload that is not valid, as Nest's own exceptions are: whatever turns those into responses answers 400 with the
 * fields. It is a `PayloadValidationError` as well, to `instanceof` and by what it carries.
 */
class InvalidPayloadException extends BadRequestException {
  readonly code: PayloadValidationError['code'];
  readonly jobName: string;
  readonly fields: PayloadValidationError['fields'];

  constructor(error: PayloadValidationError) {
    const { code, status, message, fields } = error;
    super({ statusCode: status, error: 'Bad Request', code, message, fields }, { cause: error.cause });
    this.name = error.name;
    this.message = message;
    this.code = code;
    this.jobName = error.jobName;
    this.fields = fields;
    standFor(this, error);
  }
}

/** Throws an error again, in the form that Nest knows. */
export function asHttpException(error: unknown): never {
  throw error instanceof PayloadValidationError ? new InvalidPayloadException(error) : error;
}
