import type { Service } from '../http/service.js';
import { refuse, wordError } from './errors.js';
import { environmentRoutes } from './environment-routes.js';
import { geminiFault } from './fault-replies.js';
import { fileRoutes } from './file-routes.js';
import { interactionRoutes } from './interaction-routes.js';
import { triggerRoutes } from './trigger-routes.js';
import { uploadRoutes } from './upload-routes.js';

/** The Interactions API with its environments, files and triggers, on `/v1` and `/v1beta`. */
export const gemini: Service = {
  surface: 'gemini',
  routes: [...interactionRoutes, ...environmentRoutes, ...fileRoutes, ...uploadRoutes, ...triggerRoutes],
  guard({ call, params }) {
    if (!['v1', 'v1beta'].includes(params['v'] ?? '')) throw refuse(404, 'not_found', 'Method not found.');
    const key = call.headers['x-goog-api-key'] ?? call.query.get('key') ?? '';
    // An upload's address holds its own secret.
    if (key === '' && call.query.get('upload_id') === null) {
      throw refuse(401, 'authentication', 'The request has no API key.');
    }
  },
  fault: geminiFault,
  unknownRoute: () => wordError(404, 'not_found', 'Method not found.'),
  tooLarge: () => wordError(413, 'invalid_request', 'Request payload size exceeds the limit.'),
  broken: (message) => wordError(500, 'api_error', message),
  headersFor: () => ({}),
  complaintsAbout: ({ headers }) => (Number(headers['x-stainless-retry-count'] ?? 0) > 0 ? ['retried'] : []),
};
