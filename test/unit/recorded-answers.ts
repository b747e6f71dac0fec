// Answers of the services as their documentation shows them, and a server that gives one of them to every call.
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { onTestFinished } from 'vitest';
import { z } from 'zod';

const recordedSchema = z.object({
  source: z.url(),
  read: z.iso.date(),
  note: z.string().optional(),
  status: z.int(),
  headers: z.record(z.string(), z.string()),
  body: z.unknown().optional(),
});
export type Recorded = z.infer<typeof recordedSchema>;

export async function recorded(name: string): Promise<Recorded> {
  const path = new URL(`./fixtures/recorded/${name}.json`, import.meta.url);
  return recordedSchema.parse(JSON.parse(await readFile(path, 'utf8')));
}

/** @returns the URL of a server that answers so, whatever it is asked */
export async function replaying(answerTo: (method: string, path: string) => Recorded): Promise<string> {
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      const { status, headers, body } = answerTo(request.method ?? '', request.url ?? '');
      response.writeHead(status, headers).end(JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
}
