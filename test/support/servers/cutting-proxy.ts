import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** Stands between a client and a server on loopback, and loses answers when told to. */
export interface CuttingProxy {
  readonly port: number;
  /**
   * The next answer with this text is lost: it reaches the proxy, not the client, whose connection is cut, or held
   * open without a word. Resolves when that has happened; the server has done its work by then.
   * @param then a function runs before the cut
   */
  loseAnswer(text: string, then?: Loss): Promise<void>;
  close(): Promise<void>;
}

export type Loss = 'cut' | 'hold' | (() => Promise<void>);

export async function startCuttingProxy(serverPort: number): Promise<CuttingProxy> {
  const waiting: { text: Buffer; then: Loss; done: (error?: unknown) => void }[] = [];
  const sockets = new Set<Socket>();

  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => undefined); // what the cut does to the other side is not the proxy's business
  };
  const server = createServer((client) => {
    const upstream = connect(serverPort, '127.0.0.1');
    [client, upstream].forEach(keep);
    client.on('data', (chunk) => upstream.write(chunk));
    client.on('end', () => upstream.end());
    client.on('close', () => upstream.end());
    upstream.on('end', () => client.end());
    upstream.on('close', () => client.destroy());
    let tail = Buffer.alloc(0);
    upstream.on('data', (chunk) => {
      const seen = Buffer.concat([tail, chunk]);
      const at = waiting.findIndex(({ text }) => seen.includes(text));
      const [hit] = at < 0 ? [] : waiting.splice(at, 1);
      if (hit === undefined) {
        tail = waiting.length > 0 ? seen.subarray(-200) : Buffer.alloc(0); // a text may come in two pieces
        client.write(chunk);
        return;
      }
      upstream.removeAllListeners('end').removeAllListeners('close').removeAllListeners('data').resume();
      const cut = () => {
        client.resetAndDestroy();
        upstream.destroy();
        hit.done();
      };
      if (hit.then === 'cut') cut();
      else if (hit.then === 'hold') hit.done();
      else hit.then().then(cut, hit.done);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  return {
    port: (server.address() as AddressInfo).port,
    loseAnswer: (text, then = 'cut') =>
      new Promise((resolve, reject) => {
        const done = (error?: unknown) => (error instanceof Error ? reject(error) : resolve());
        waiting.push({ text: Buffer.from(text), then, done });
      }),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
