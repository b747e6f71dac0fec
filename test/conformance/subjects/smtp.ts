import type { ConformanceSubject } from '../../../src/testing/conformance/index.js';
import { startMailServer } from '../../support/servers/smtp.js';

/** A mail server that keeps what it gets; it can lose its answer to the final dot. */
export const smtpSubject: ConformanceSubject = {
  name: 'smtp',
  open: async () => {
    const server = await startMailServer();
    let seen = 0;
    return {
      use: 'smtp',
      target: 'reader@example.com',
      options: (slug) => ({
        host: '127.0.0.1',
        port: server.port,
        from: 'news@example.com',
        subject: `About ${slug}`,
      }),
      count: async ({ effectKey }) => ({ visible: server.count(effectKey), hidden: 0 }),
      faults: {
        kinds: ['drop-before', 'drop-answer'],
        arm: (kind) => server.fail(kind === 'drop-answer' ? 'dot' : 'mail', 'cut'),
        disarm: () => undefined,
        // One dialogue carries one mail.
        requests: () => {
          const since = server.connections - seen;
          seen = server.connections;
          return since;
        },
        idle: async () => undefined,
      },
      dump: async () => JSON.stringify(server.mails),
      // Nothing can be asked: whoever connects is about to send.
      methods: () => Array.from({ length: server.connections }, () => 'MAIL'),
      close: () => server.stop(),
    };
  },
};
