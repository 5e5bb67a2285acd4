import net from 'node:net';

/** A TCP connection between a client and a server that a test can hold up and cut. */
export class TcpProxy {
  private readonly sockets = new Set<net.Socket>();
  private held: (() => void)[] | undefined;
  private trigger: string | undefined;
  private onHold = (): void => undefined;
  private repliesTrigger: string | undefined;
  private readonly ended = new Set<net.Socket>();
  private heldReplies: Map<net.Socket, Buffer[]> | undefined;
  private dead = false;
  private readonly silent = new Set<net.Socket>();
  private fatal: { readonly text: string; readonly struck: () => void } | undefined;

  private constructor(private readonly server: net.Server) {}

  /** @param url where to; @returns the proxy and the same address through it */
  static async to(url: string): Promise<{ readonly proxy: TcpProxy; readonly url: string }> {
    const target = new URL(url);
    const server = net.createServer({ allowHalfOpen: true });
    const proxy = new TcpProxy(server);
    const { port, hostname } = target;
    server.on('connection', (near) => proxy.join(near, net.connect(Number(port), hostname)));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    target.port = String((server.address() as net.AddressInfo).port);
    return { proxy, url: target.href };
  }

  /** Holds up everything that clients send from the first message with this text on. Resolves when that has come. */
  holdFrom(text: string): Promise<void> {
    this.trigger = text;
    return new Promise((resolve) => (this.onHold = resolve));
  }

  /** Lets through what was held up. */
  release(): void {
    const held = this.held ?? [];
    this.held = undefined;
    for (const send of held) send();
  }

  /** Holds up everything that the server sends, from the first packet with this text on. */
  holdRepliesFrom(text: string): void {
    this.repliesTrigger = text;
  }

  /** Whether the replies of one connection that are held up have this in them. */
  holdsReply(text: string): boolean {
    return [...(this.heldReplies?.values() ?? [])].some((parts) => Buffer.concat(parts).includes(text));
  }

  /** Lets through the replies that were held up, those of each connection as one packet. */
  releaseReplies(): void {
    const held = this.heldReplies;
    this.heldReplies = undefined;
    for (const [near, parts] of held ?? []) near.write(Buffer.concat(parts));
    for (const near of this.ended) near.end();
    this.ended.clear();
  }

  /** From now on nothing gets through in either direction, and nobody is told. */
  swallow(): void {
    this.dead = true;
  }

  /** The connections there are now stay open, but nothing gets through them any more; new ones work. */
  halfOpen(): void {
    for (const socket of this.sockets) this.silent.add(socket);
  }

  /** The next message with this text reaches the server, but its answer meets a connection that was reset. Resolves then. */
  resetOnAnswerTo(text: string): Promise<void> {
    return new Promise((resolve) => (this.fatal = { text, struck: resolve }));
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  private join(near: net.Socket, far: net.Socket): void {
    for (const socket of [near, far]) {
      this.sockets.add(socket);
      socket.on('error', () => undefined);
    }
    let strike: (() => void) | undefined;
    near.on('data', (data) => {
      if (this.fatal && data.includes(this.fatal.text)) {
        strike = this.fatal.struck;
        this.fatal = undefined;
      }
      if (!this.isSilent(near)) this.send(data, far);
    });
    far.on('data', (data) => {
      if (strike) {
        near.resetAndDestroy();
        far.destroy();
        strike();
      } else if (!this.isSilent(far)) this.reply(data, near);
    });
    near.on('end', () => this.isSilent(near) || far.end());
    far.on('end', () => {
      if (this.heldReplies) this.ended.add(near);
      else if (!this.isSilent(far)) near.end();
    });
  }

  private isSilent(socket: net.Socket): boolean {
    return this.dead || this.silent.has(socket);
  }

  private send(data: Buffer, far: net.Socket): void {
    if (this.dead) return;
    if (this.trigger !== undefined && data.includes(this.trigger)) {
      this.trigger = undefined;
      this.held = [];
      this.onHold();
    }
    if (this.held) this.held.push(() => void far.write(data));
    else far.write(data);
  }

  private reply(data: Buffer, near: net.Socket): void {
    if (this.repliesTrigger !== undefined && data.includes(this.repliesTrigger)) {
      this.repliesTrigger = undefined;
      this.heldReplies = new Map();
    }
    if (!this.heldReplies) return void near.write(data);
    const parts = this.heldReplies.get(near) ?? [];
    this.heldReplies.set(near, [...parts, data]);
  }
}
