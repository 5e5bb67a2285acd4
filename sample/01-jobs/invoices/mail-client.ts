import { NonRetryableError } from '../../../lib/index.js';

export interface Mail {
  readonly to: string;
  readonly subject: string;
  readonly pdf: Buffer;
}

export interface SendOptions {
  /** The same for every try of one mail: the gateway sends it once. */
  readonly idempotencyKey: string;
  /** Gives the call up, as when the job's time is over. */
  readonly signal: AbortSignal;
}

const CALL_TIMEOUT_MS = 5_000;

/** Sends mail through the gateway. */
export class MailClient {
  constructor(private readonly baseUrl: string) {}

  /**
   * @throws NonRetryableError when the gateway finds fault with the mail itself (4xx)
   * @throws Error when it answers anything else but success, or does not answer: worth another try
   */
  async send({ to, subject, pdf }: Mail, { idempotencyKey, signal }: SendOptions): Promise<void> {
    const response = await fetch(new URL('/messages', this.baseUrl), {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'Idempotency-Key': idempotencyKey },
      body: JSON.stringify({ to, subject, attachment: pdf.toString('base64') }),
      signal: AbortSignal.any([signal, AbortSignal.timeout(CALL_TIMEOUT_MS)]),
    });
    // Read in any case, so that the connection can be used again.
    const answer = await response.text();
    if (response.ok) return;
    const problem = `the mail gateway answered ${response.status}: ${answer}`;
    throw response.status < 500 ? new NonRetryableError(problem) : new Error(problem);
  }
}
