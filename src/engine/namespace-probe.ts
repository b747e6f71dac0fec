import { connect, type IncomingHttpHeaders } from 'node:http2';

/** The only namespace of an embedded engine; Temporal's dev server always has it. */
export const EMBEDDED_NAMESPACE = 'default';

/** DescribeNamespaceRequest{ namespace = 1: 'default' } in a gRPC frame: no compression, then the length. */
const REQUEST = frame(
  Buffer.concat([Buffer.from([0x0a, EMBEDDED_NAMESPACE.length]), Buffer.from(EMBEDDED_NAMESPACE)]),
);
const PATH = '/temporal.api.workflowservice.v1.WorkflowService/DescribeNamespace';
const UUID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/;

/**
 * Asks the server at a plain-text address for its default namespace: the cheapest call that goes down to the
 * database, so an answer means that Workflows can start. Made by hand over HTTP/2, because loading the SDK costs
 * each of possibly a hundred processes 0.2 s and 30 MB.
 * @param address host:port
 * @returns the id of the namespace; undefined when nobody, nobody healthy, or no Temporal answers in time
 * @throws  never
 */
export function probeNamespaceId(address: string, timeoutMs: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const session = connect(`http://${address}`);
    const finish = (id: string | undefined): void => {
      clearTimeout(timer);
      session.destroy();
      resolve(id);
    };
    const fail = (): void => finish(undefined);
    const timer = setTimeout(fail, timeoutMs);
    session.on('error', fail);
    session.on('close', fail);

    const call = session.request({
      ':method': 'POST',
      ':path': PATH,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    const answer: Buffer[] = [];
    let status: unknown;
    call.on('error', fail);
    call.on('data', (chunk: Buffer) => answer.push(chunk));
    call.on('trailers', (trailers: IncomingHttpHeaders) => (status = trailers['grpc-status']));
    call.on('end', () => {
      // The id is the first field of the answer that looks like a UUID (NamespaceInfo.id); the name comes before it.
      finish(status === '0' ? UUID.exec(Buffer.concat(answer).toString('latin1'))?.[0] : undefined);
    });
    call.end(REQUEST);
  });
}

function frame(message: Buffer): Buffer {
  const header = Buffer.alloc(5);
  header.writeUInt32BE(message.length, 1);
  return Buffer.concat([header, message]);
}
