import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import protobuf from 'protobufjs';

export interface Span {
  traceId: string;
  spanId: string;
  parentSpanId: string;
  name: string;
  failed: boolean;
  attributes: Record<string, unknown>;
}

/** The part of OTLP that is looked at; fields by their numbers in opentelemetry/proto/trace/v1. */
const OTLP = protobuf
  .parse(
    `syntax = "proto3";
message Export { repeated ResourceSpans resource_spans = 1; }
message ResourceSpans { repeated ScopeSpans scope_spans = 2; }
message ScopeSpans { repeated Span spans = 2; }
message Span { bytes trace_id = 1; bytes span_id = 2; bytes parent_span_id = 4; string name = 5;
  repeated KeyValue attributes = 9; Status status = 15; }
message Status { string message = 2; int32 code = 3; }
message KeyValue { string key = 1; AnyValue value = 2; }
message AnyValue { string string_value = 1; int64 int_value = 3; double double_value = 4; }`,
  )
  .root.lookupType('Export');

export interface Collector {
  readonly url: string;
  /** In the order in which they came. */
  readonly spans: readonly Span[];
  /** The bodies of all requests, as they came. */
  readonly raw: readonly Buffer[];
  readonly close: () => void;
}

/** Takes spans as an OTLP collector does (HTTP, protobuf). */
export async function startCollector(): Promise<Collector> {
  const spans: Span[] = [];
  const raw: Buffer[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const body = Buffer.concat(parts);
      raw.push(body);
      spans.push(...decoded(body));
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, spans, raw, close: () => void server.close() };
}

function decoded(body: Buffer): Span[] {
  const { resourceSpans = [] } = OTLP.toObject(OTLP.decode(body), {
    longs: String,
    bytes: String,
  }) as Decoded;
  const hex = (base64 = ''): string => Buffer.from(base64, 'base64').toString('hex');
  return resourceSpans.flatMap(({ scopeSpans }) =>
    scopeSpans.flatMap((scope) =>
      scope.spans.map((span) => ({
        traceId: hex(span.traceId),
        spanId: hex(span.spanId),
        parentSpanId: hex(span.parentSpanId),
        name: span.name,
        failed: span.status?.code === 2,
        attributes: Object.fromEntries(
          (span.attributes ?? []).map(({ key, value }) => [key, Object.values(value)[0]]),
        ),
      })),
    ),
  );
}

interface Decoded {
  readonly resourceSpans?: readonly {
    readonly scopeSpans: readonly {
      readonly spans: readonly {
        readonly traceId: string;
        readonly spanId: string;
        readonly parentSpanId?: string;
        readonly name: string;
        readonly status?: { readonly code?: number };
        readonly attributes?: readonly { readonly key: string; readonly value: Record<string, unknown> }[];
      }[];
    }[];
  }[];
}
