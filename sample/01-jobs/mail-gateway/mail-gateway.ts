import { once } from 'node:events';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** What a gateway has done so far. */
export interface MailGatewayStats {
  /** Requests, of which some were turned away. */
  readonly calls: number;
  /** Answered with 503. */
  readonly overloaded: number;
  /** Mails sent: each idempotency key counts once. */
  readonly sent: number;
  /** Requests that repeated a mail already sent. */
  readonly repeated: number;
}

export interface MailGateway {
  readonly url: string;
  stats(): MailGatewayStats;
  close(): Promise<void>;
}

/** One call in so many is answered with 503. */
const OVERLOADED_EVERY = 5;
/** Nobody can be reached here: every call fails with 500. */
const UNREACHABLE = '@unreachable.example';
const LATENCY_MS = 15;

/** Starts a mail gateway on a free port of this machine. It behaves as badly as real ones do, but predictably. */
export async function startMailGateway(): Promise<MailGateway> {
  const sent = new Set<string>();
  let calls = 0;
  let overloaded = 0;
  let repeated = 0;

  const answer = async (request: IncomingMessage): Promise<readonly [status: number, text: string]> => {
    const turnedAway = ++calls % OVERLOADED_EVERY === 0;
    const body = await readJson(request);
    await pause(LATENCY_MS);
    const key = request.headers['idempotency-key'];
    if (request.method !== 'POST' || request.url !== '/messages') return [404, 'unknown path'];
    if (typeof key !== 'string' || typeof body?.to !== 'string') return [400, 'Idempotency-Key and "to" are needed'];
    if (body.to.endsWith(UNREACHABLE)) return [500, 'the mailbox cannot be reached'];
    if (turnedAway) {
      overloaded += 1;
      return [503, 'too busy'];
    }
    if (sent.has(key)) repeated += 1;
    sent.add(key);
    return [202, 'accepted'];
  };

  const server = createServer((request, response) => {
    answer(request).then(
      ([status, text]) => reply(response, status, text),
      (error: unknown) => reply(response, 500, String(error)),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stats: () => ({ calls, overloaded, sent: sent.size, repeated }),
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

function reply(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'Content-Type': 'text/plain' }).end(text);
}

async function readJson(request: IncomingMessage): Promise<{ readonly to?: unknown } | null> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  try {
    return JSON.parse(Buffer.concat(chunks).toString()) as { to?: unknown } | null;
  } catch {
    return null;
  }
}
