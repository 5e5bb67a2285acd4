import net from 'node:net';

/** A TCP connection between a client and a server that a test can hold up and cut. */
export class TcpProxy {
  private readonly sockets = new Set<net.Socket>();
  private held: (() => void)[] | undefined;
  private trigger: string | undefined;
  private onHold = (): void => undefined;
  private dead = false;

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

  /** From now on nothing gets through in either direction, and nobody is told. */
  swallow(): void {
    this.dead = true;
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
    near.on('data', (data) => this.send(data, far));
    far.on('data', (data) => {
      if (!this.dead) near.write(data);
    });
    near.on('end', () => this.dead || far.end());
    far.on('end', () => this.dead || near.end());
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
}
