/** An HTTP server on loopback that keeps what it gets and answers as it is told. */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Received {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Receiver {
  readonly url: string;
  readonly got: readonly Received[];
  /** Answers from now on; 200 at first. */
  status: number;
  /** Takes what it gets, and cuts the connection instead of an answer. */
  losesAnswers: boolean;
  /** Called with each request, before its answer. */
  onRequest: (request: Received) => void | Promise<void>;
  stop(): Promise<void>;
}

export async function startReceiver(): Promise<Receiver> {
  const got: Received[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const received = { method, url, headers, body };
      got.push(received);
      void Promise.resolve(receiver.onRequest(received)).then(() => {
        if (receiver.losesAnswers) return void request.socket.destroy();
        response.statusCode = receiver.status;
        response.end('ok');
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const receiver: Receiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    got,
    status: 200,
    losesAnswers: false,
    onRequest: () => undefined,
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return receiver;
}
