import { createConnection, createServer, type AddressInfo, type Socket } from 'node:net';

/**
 * What happens to a COMMIT on its way, and with it to the connection.
 *
 *  lost-request  the server never sees it
 *  lost-answer   the server has carried it out; the client does not hear of it
 *  late-request  the client's connection is cut at once; the server gets the request a little later
 */
export type CommitFault = 'lost-request' | 'lost-answer' | 'late-request';

export interface PostgresProxy {
  readonly port: number;
  /** Each transaction meets this fault once; where that makes a repetition necessary, the repetition goes through. */
  fault: CommitFault | undefined;
  /** COMMITs that were cut so far. */
  cuts(): number;
  close(): Promise<void>;
}

const LATE_MS = 100;

/** Stands between a client and a PostgreSQL server on loopback. */
export async function startPostgresProxy(upstream: number): Promise<PostgresProxy> {
  const sockets = new Set<Socket>();
  let cuts = 0;
  let wasCut = false;
  const proxy = { fault: undefined as CommitFault | undefined };

  const server = createServer((client) => {
    const database = createConnection({ host: '127.0.0.1', port: upstream });
    for (const socket of [client, database]) {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      socket.on('error', () => socket.destroy()); // the other side was cut
    }
    let answerLost = false;
    database.on('data', (data) => {
      if (answerLost) client.resetAndDestroy();
      else client.write(data);
    });
    client.on('data', (data) => {
      const fault = faultOf(data);
      if (fault === 'lost-answer') answerLost = true;
      if (fault === 'lost-request') {
        client.resetAndDestroy();
        database.resetAndDestroy();
      } else if (fault === 'late-request') {
        client.resetAndDestroy();
        setTimeout(() => database.end(data), LATE_MS);
      } else {
        database.write(data);
      }
    });
    client.on('end', () => database.end());
    database.on('close', () => client.destroy());
  });

  function faultOf(data: Buffer): CommitFault | undefined {
    if (proxy.fault === undefined || !/commit\0/.test(data.toString('latin1'))) return undefined;
    const repeated = proxy.fault === 'lost-request' && wasCut;
    wasCut = !repeated;
    if (repeated) return undefined;
    cuts++;
    return proxy.fault;
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(proxy, {
    port: (server.address() as AddressInfo).port,
    cuts: () => cuts,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}
