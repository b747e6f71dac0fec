import type { Service } from '../http/service.js';
import { catalogueRoutes } from './catalogue-routes.js';
import { errorReply, invalid, refuse } from './errors.js';
import { eventRoutes } from './event-routes.js';
import { anthropicFault } from './fault-replies.js';
import { fileRoutes } from './file-routes.js';
import { sessionRoutes } from './session-routes.js';

/** Every call of the managed-agents API has to name it; the SDK leaves it out for files. */
export const BETA = 'managed-agents-2026-04-01';

const betasOf = (header: string | string[] | undefined): string[] =>
  String(header ?? '')
    .split(',')
    .map((name) => name.trim());

/** The managed-agents API. */
export const anthropic: Service = {
  surface: 'anthropic',
  routes: [...sessionRoutes, ...eventRoutes, ...fileRoutes, ...catalogueRoutes],
  guard({ call: { headers } }) {
    const bearer = /^Bearer \S+$/.test(headers.authorization ?? '');
    if (!bearer && !headers['x-api-key']) {
      throw refuse(401, 'authentication_error', 'x-api-key or authorization header is required');
    }
    if (!headers['anthropic-version']) throw invalid('anthropic-version: header is required');
    if (!betasOf(headers['anthropic-beta']).includes(BETA)) {
      throw invalid(`anthropic-beta: this API requires the header value ${BETA}`);
    }
  },
  fault: anthropicFault,
  unknownRoute: ({ method, path }) => errorReply(404, 'not_found_error', `${method} ${path} not found`),
  tooLarge: () =>
    errorReply(413, 'invalid_request_error', 'Request exceeds the maximum allowed number of bytes'),
  broken: (message) => errorReply(500, 'api_error', message),
  headersFor: (requestId) => ({ 'request-id': requestId }),
  complaintsAbout: ({ headers }) => [
    ...(Number(headers['x-stainless-retry-count'] ?? 0) > 0 ? ['retried'] : []),
    ...(betasOf(headers['anthropic-beta']).includes(BETA) ? [] : ['no beta header']),
  ],
};
