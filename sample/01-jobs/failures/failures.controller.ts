import { Controller, Get } from '@nestjs/common';
import { DispatchService } from '../../../lib/index.js';

/** An invoice that failed for good. */
export interface FailureView {
  readonly dlqId: string;
  readonly jobId: string;
  readonly payload: unknown;
  readonly reason: string;
  readonly attempts: number;
  readonly failedAt: Date;
}

@Controller('failed')
export class FailuresController {
  constructor(private readonly dispatch: DispatchService) {}

  /** The dead-letter queue, newest first. */
  @Get()
  async list(): Promise<FailureView[]> {
    const { entries } = await this.dispatch.dlq.list({ status: 'open' });
    return entries.map((entry) => ({
      dlqId: entry.id,
      jobId: entry.jobId,
      payload: entry.payload,
      reason: entry.errors.at(-1)?.message ?? 'unknown',
      attempts: entry.retryCount,
      failedAt: entry.failedAt,
    }));
  }
}
