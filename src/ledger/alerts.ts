/**
 * Alerts and the messages that tell of them: an outbox.
 *  AM1. What is to be told is written in the transaction that changes the alert, so neither is there without the other.
 *  AM2. A message has an id made from its cause, episode, kind and number: asked for twice, it is one message, and each
 *       try sends it under that id.
 *  AM3. One process at a time has a message in hand; when it dies, the message is free again after its lease.
 *  AM4. By each way, the end of a cause goes out after what it is the end of, and nothing of that cause while another message
 *       of it is on its way: what stays open at its receiver would be open for ever, or closed when it has begun anew.
 *  AM5. Each message of a cause is newer than those before it, whatever the clocks of several hosts say.
 */
import type { AlertDetail, Notice } from '../contract/alerts.js';
import { sha256Hex } from '../identity/digest.js';
import { isAbout } from '../policy/alert-rules.js';
import { ENDS, heardOf, isEnd, isHeard } from '../policy/alert-heard.js';
import { DELIVERY_MAX_MS, END_DELIVERY_MAX_MS, nextReminder } from '../policy/alert-times.js';
import { eachOnce, hasNews, type AlertCause } from '../policy/alerts.js';
import type {
  AlertLedger,
  AlertLook,
  AlertMessage,
  AlertMessageKind,
  AlertRoutes,
  AlertRow,
  ChannelAnswer,
  PingKind,
  ToldAlert,
} from './alert-rows.js';
import type { AlertMessagesTable, AlertsTable } from './schema.js';
import type { Db, Store } from './store.js';

/** A monitor that hears of a start so late would take it for another one. */
const START_PING_MS = 5 * 60_000;
const END_PING_MS = 12 * 60 * 60_000;
const DEFAULT_LIMIT = 100;

export const alerts = (store: Store): AlertLedger => ({
  noteAlerts: (look) => store.write((db) => noteAlerts(db, look, store.now())),

  noteToldAlert: (told) => store.write((db) => noteTold(db, told, store.now())),

  queuePing: ({ kind, batchName, runId, definition }) =>
    store.write((db) => {
      const at = store.now();
      const keepMs = kind === 'ping-start' ? START_PING_MS : END_PING_MS;
      const messageId = runId;
      return insertMessage(db, {
        id: `${runId}:${kind}`,
        message_id: messageId,
        fingerprint: null,
        batch_name: batchName,
        kind,
        route: 'dead-man',
        definition,
        created_at: at,
        due_at: at,
        expires_at: later(at, keepMs),
      });
    }),

  async queueReminders(lookedAt = new Set()) {
    const at = store.now();
    const isLeft = (row: AlertsTable) =>
      isDue(row, at) && (isAbout(row.rule, 'nights') || !lookedAt.has(row.batch_id));
    if (!(await openRows(store.db)).some(isLeft)) return;
    await store.write(async (db) => {
      for (const row of (await openRows(db)).filter(isLeft)) await remind(db, row, at);
    });
  },

  async batchesToRemindOf() {
    const at = store.now();
    const due = (await openRows(store.db)).filter((row) => isDue(row, at));
    return [...new Set(due.map((row) => row.batch_id))];
  },

  async worksSince(batchId, since, subject) {
    const effect = subject && 'effect' in subject ? subject.effect : undefined;
    const provider = subject && 'provider' in subject ? subject.provider : undefined;
    const landed = await store.db
      .selectFrom('receipts as r')
      .innerJoin('effects as e', 'e.effect_key', 'r.effect_key')
      .select('r.effect_key')
      .where('r.batch_id', '=', batchId)
      .where('r.adopted', '=', 0)
      .where('r.recorded_at', '>', since)
      .$if(effect !== undefined, (query) => query.where('e.name', '=', effect ?? ''))
      .limit(1)
      .execute();
    if (landed.length > 0 && provider === undefined) return true;
    if (effect !== undefined) return false;
    const collected = await store.db
      .selectFrom('sessions as s')
      .innerJoin('history as h', 'h.seq', 's.started_seq')
      .select('s.run_key')
      .where('s.batch_id', '=', batchId)
      .where('s.state', '=', 'collected')
      .where('h.at', '>', since)
      .$if(provider !== undefined, (query) => query.where('s.provider', '=', provider ?? ''))
      .limit(1)
      .execute();
    return collected.length > 0;
  },

  async alerts({ open, batchName, fingerprint, limit = DEFAULT_LIMIT } = {}) {
    const rows = await store.db
      .selectFrom('alerts')
      .selectAll()
      .$if(open !== undefined, (query) => query.where('state', '=', open === true ? 'open' : 'resolved'))
      .$if(batchName !== undefined, (query) => query.where('batch_name', '=', batchName ?? ''))
      .$if(fingerprint !== undefined, (query) => query.where('fingerprint', '=', fingerprint ?? ''))
      .orderBy('last_seen', 'desc')
      .orderBy('fingerprint')
      .limit(limit)
      .execute();
    return rows.map(alertRow);
  },

  async alertMessages({ states, fingerprint, limit = DEFAULT_LIMIT } = {}) {
    const rows = await store.db
      .selectFrom('alert_messages')
      .selectAll()
      .$if(states !== undefined, (query) => query.where('state', 'in', states ?? []))
      .$if(fingerprint !== undefined, (query) => query.where('fingerprint', '=', fingerprint ?? ''))
      .orderBy('created_at', 'desc')
      .orderBy('id')
      .limit(limit)
      .execute();
    return rows.map(messageRow);
  },

  async takeMessage(leaseMs) {
    // Looked for without the lock of all writers: mostly there is nothing to do.
    if ((await dueMessage(store.db, store.now())) === undefined) return undefined;
    return store.write(async (db) => {
      const at = store.now();
      const row = await dueMessage(db, at);
      if (row === undefined) return undefined;
      const taken = { lease_until: later(at, leaseMs), tries: row.tries + 1 };
      await db.updateTable('alert_messages').set(taken).where('id', '=', row.id).execute();
      return messageRow({ ...row, ...taken });
    });
  },

  saveMessageBody: (id, body) =>
    store.write(async (db) => {
      await db
        .updateTable('alert_messages')
        .set({ body: JSON.stringify(body) })
        .where('id', '=', id)
        .execute();
    }),

  settleMessage: (id, end) =>
    store.write(async (db) => {
      const at = store.now();
      const answers = JSON.stringify(end.answers);
      const row = await db
        .updateTable('alert_messages')
        .set(
          end.kind === 'again'
            ? { answers, due_at: later(at, end.delayMs), lease_until: null }
            : { answers, state: end.kind, ended_at: at, lease_until: null },
        )
        .where('id', '=', id)
        .where('state', '=', 'pending')
        .returningAll()
        .executeTakeFirst();
      const fingerprint = row?.fingerprint ?? undefined;
      if (fingerprint === undefined || end.kind !== 'sent') return;
      await db
        .updateTable('alerts')
        .set({ notified_at: at })
        .where('fingerprint', '=', fingerprint)
        .execute();
    }),

  async landedSince(batchName, since) {
    const rows = await store.db
      .selectFrom('receipts as r')
      .innerJoin('batches as b', 'b.id', 'r.batch_id')
      .select(['r.work', 'r.job_key'])
      .distinct()
      .where('b.name', '=', batchName)
      .where('r.recorded_at', '>=', since)
      .execute();
    return rows.length;
  },
});

async function noteAlerts(db: Db, look: AlertLook, at: string): Promise<void> {
  const { batchName, isOver, routes } = look;
  const causes = eachOnce(look.causes);
  const known = new Map(
    (await db.selectFrom('alerts').selectAll().where('batch_name', '=', batchName).execute()).map((row) => [
      row.fingerprint,
      row,
    ]),
  );
  for (const cause of causes) await noteCause(db, cause, look, known.get(cause.fingerprint), at);
  const found = new Set(causes.map(({ fingerprint }) => fingerprint));
  for (const row of known.values()) {
    if (row.state !== 'open' || found.has(row.fingerprint)) continue;
    const over = isOver(alertRow(row));
    if (over !== false) await resolve(db, row, over === 'untold' ? 'withdrawn' : 'recovered', routes, at);
  }
}

async function noteCause(
  db: Db,
  cause: AlertLook['causes'][number],
  { batchName, batchId: lookedAt, routes, gatherMs }: AlertLook,
  known: AlertsTable | undefined,
  at: string,
): Promise<void> {
  const { fingerprint, rule, detail, batchId } = cause;
  const seen = {
    batch_id: batchId ?? lookedAt,
    detail: JSON.stringify(detail),
    definition: routes.definition,
    last_seen: at,
  };
  if (known !== undefined && isAbout(rule, 'news')) return;
  if (known?.state === 'open') {
    await db
      .updateTable('alerts')
      .set({ ...seen, rule })
      .where('fingerprint', '=', fingerprint)
      .execute();
    // All that was to come has come, or the run is over: what was being gathered may go out.
    if (gatherMs === 0) await hurry(db, fingerprint, at);
    if (hasNews(alertRow(known), { rule, detail }) || isDue(known, at))
      await remind(db, { ...known, ...seen, rule }, at, routes);
    return;
  }
  const row = await begin(db, cause, known, {
    ...{ batch_name: batchName, first_seen: at, notified_at: null, ...seen },
    // Nobody has to see to one that is only told: it is never open.
    ...(isAbout(rule, 'news') && { state: 'resolved', resolved_at: at }),
  });
  await tell(db, row, 'opened', routes, at, later(at, gatherMs));
}

type Begun = Pick<
  AlertsTable,
  'batch_name' | 'batch_id' | 'definition' | 'first_seen' | 'last_seen' | 'notified_at'
>;

/** Another episode, open unless said otherwise. */
async function begin(
  db: Db,
  { fingerprint, rule, subject, errorClass, detail }: AlertCause,
  known: AlertsTable | undefined,
  begun: Begun & Partial<Pick<AlertsTable, 'state' | 'resolved_at'>>,
): Promise<AlertsTable> {
  const row: AlertsTable = {
    ...{ fingerprint, rule, subject, error_class: errorClass ?? null, detail: JSON.stringify(detail) },
    ...{ episode: (known?.episode ?? 0) + 1, reminders: 0, state: 'open', resolved_at: null },
    ...begun,
  };
  if (known === undefined) await db.insertInto('alerts').values(row).execute();
  else await db.updateTable('alerts').set(row).where('fingerprint', '=', fingerprint).execute();
  return row;
}

async function noteTold(db: Db, told: ToldAlert, at: string): Promise<void> {
  const { cause, batchName, batchId, messageId, definition } = told;
  const { fingerprint } = cause;
  const known = await db
    .selectFrom('alerts')
    .selectAll()
    .where('fingerprint', '=', fingerprint)
    .executeTakeFirst();
  const noted = known && (known.resolved_at ?? at) >= told.firstSeen ? known : undefined;
  const answers = noted === undefined ? [...told.answers] : await notedByNone(db, told, noted);
  if (answers.length === 0) return;
  const firstSeen = noted && noted.first_seen < told.firstSeen ? noted.first_seen : told.firstSeen;
  const row = await begin(db, cause, known, {
    ...{ batch_name: batchName, batch_id: batchId, definition },
    ...{ first_seen: firstSeen, last_seen: firstSeen, notified_at: firstSeen },
  });
  const createdAt = await afterAll(db, fingerprint, firstSeen);
  for (const [route, said] of answers) {
    await insertMessage(db, {
      id: `${messageIdOf(row, 'opened')}:${route}`,
      message_id: messageId,
      fingerprint,
      batch_name: batchName,
      kind: 'opened',
      route,
      definition,
      ...{ created_at: createdAt, due_at: firstSeen, expires_at: firstSeen, ended_at: firstSeen },
      state: said.some(({ took }) => took) ? 'sent' : 'failed',
      tries: 1,
      answers: JSON.stringify(said),
    });
  }
  await resolve(db, row, 'recovered', { definition, routes: answers.map(([route]) => route) }, at);
}

/** What others than those that another host has told, and noted, may have heard from this one. */
async function notedByNone(
  db: Db,
  { answers, definition }: ToldAlert,
  { fingerprint, first_seen: since }: AlertsTable,
): Promise<[string, readonly ChannelAnswer[]][]> {
  const noted = (await messagesOf(db, fingerprint)).filter(({ createdAt }) => createdAt >= since);
  const heardBy = (said: readonly ChannelAnswer[]) => said.findIndex(isHeard);
  return [...answers].filter(
    ([route, said]) =>
      heardBy(said) >= 0 &&
      !noted.some(
        (by) => by.route === route && by.definition === definition && heardBy(by.answers) === heardBy(said),
      ),
  );
}

/**
 * The end is told where its beginning was; where nobody had heard of it, nobody need hear that it is over. One of an
 * earlier time that is still to be told stays, unless this one does for both.
 */
async function resolve(
  db: Db,
  row: AlertsTable,
  kind: 'recovered' | 'withdrawn',
  routes: AlertRoutes,
  at: string,
): Promise<void> {
  await db
    .updateTable('alerts')
    .set({ state: 'resolved', resolved_at: at })
    .where('fingerprint', '=', row.fingerprint)
    .execute();
  await drop(db, row, 'not in', at);
  // As they were told: the file may have other routes by now, or others by the same names.
  const told = new Map<string, readonly string[]>();
  for (const { route, definition } of heardOf(await messagesOf(db, row.fingerprint)))
    told.set(route, [...(told.get(route) ?? []), definition]);
  for (const [route, definitions] of told) {
    await drop(db, row, 'in', at, route);
    const definition = definitions.at(-1) ?? routes.definition;
    const areKnown = definitions.every((by) => by === routes.definition); // of other channels nobody here knows what they keep
    if (kind === 'recovered' || !areKnown || routes.keepOpen?.includes(route))
      await tell(db, { ...row, last_seen: at }, kind, { definition, routes: [route] }, at, at);
  }
}

/** All of a cause, in the order in which they were written (AM5). */
async function messagesOf(db: Db, fingerprint: string): Promise<AlertMessage[]> {
  const rows = await db
    .selectFrom('alert_messages')
    .selectAll()
    .where('fingerprint', '=', fingerprint)
    .orderBy('created_at')
    .execute();
  return rows.map(messageRow);
}

/** AM5 */
async function afterAll(db: Db, fingerprint: string, at: string): Promise<string> {
  const { newest } = await db
    .selectFrom('alert_messages')
    .select((eb) => eb.fn.max('created_at').as('newest'))
    .where('fingerprint', '=', fingerprint)
    .executeTakeFirstOrThrow();
  return newest !== null && newest >= at ? later(newest, 1) : at;
}

/**
 * Of those that are to be told; one that is just being sent counts as told, and so does one whose sender died at that.
 * @param which ends, or all else
 * @param route that one alone
 */
async function drop(
  db: Db,
  { fingerprint }: AlertsTable,
  which: 'in' | 'not in',
  at: string,
  route?: string,
): Promise<void> {
  await db
    .updateTable('alert_messages')
    .set({ state: 'dropped', ended_at: at })
    .where('fingerprint', '=', fingerprint)
    .where('state', '=', 'pending')
    .where('lease_until', 'is', null)
    .where('kind', which, ENDS)
    .$if(route !== undefined, (query) => query.where('route', '=', route ?? ''))
    .execute();
}

async function remind(
  db: Db,
  row: AlertsTable,
  at: string,
  routes: AlertRoutes = { definition: row.definition ?? '', routes: [] },
): Promise<void> {
  const by = await routesAsBefore(db, row, routes);
  const reminders = row.reminders + 1;
  await db
    .updateTable('alerts')
    .set({ reminders, notified_at: at })
    .where('fingerprint', '=', row.fingerprint)
    .execute();
  await tell(db, { ...row, reminders }, 'reminder', by, at, at);
}

/** The routes that the first message took, unless the look that found it again says others. */
async function routesAsBefore(db: Db, row: AlertsTable, routes: AlertRoutes): Promise<AlertRoutes> {
  if (routes.routes.length > 0) return routes;
  const before = await db
    .selectFrom('alert_messages')
    .select(['route', 'definition'])
    .where('message_id', '=', messageIdOf(row, 'opened'))
    .execute();
  return {
    definition: before[0]?.definition ?? routes.definition,
    routes: before.map(({ route }) => route),
  };
}

/** One that nobody could be told of within a day is told again, for the channels may be others by now. */
const isDue = ({ notified_at, first_seen, reminders }: AlertsTable, at: string): boolean =>
  Date.parse(at) >=
  (notified_at === null
    ? Date.parse(first_seen) + DELIVERY_MAX_MS
    : nextReminder(Date.parse(notified_at), reminders));

const openRows = (db: Db): Promise<AlertsTable[]> =>
  db.selectFrom('alerts').selectAll().where('state', '=', 'open').execute();

async function hurry(db: Db, fingerprint: string, at: string): Promise<void> {
  await db
    .updateTable('alert_messages')
    .set({ due_at: at })
    .where('fingerprint', '=', fingerprint)
    .where('state', '=', 'pending')
    .where('tries', '=', 0)
    .where('due_at', '>', at)
    .execute();
}

/** AM2 */
const messageIdOf = (
  { fingerprint, episode, first_seen, reminders }: AlertsTable,
  kind: AlertMessageKind,
): string =>
  `ns-${sha256Hex(JSON.stringify([fingerprint, episode, first_seen, kind, kind === 'reminder' ? reminders : 0])).slice(0, 32)}`;

async function tell(
  db: Db,
  row: AlertsTable,
  kind: AlertMessageKind,
  { definition, routes }: AlertRoutes,
  at: string,
  dueAt: string,
): Promise<void> {
  const messageId = messageIdOf(row, kind);
  const createdAt = await afterAll(db, row.fingerprint, at);
  for (const route of routes) {
    await insertMessage(db, {
      id: `${messageId}:${route}`,
      message_id: messageId,
      fingerprint: row.fingerprint,
      batch_name: row.batch_name,
      kind,
      route,
      definition,
      created_at: createdAt,
      due_at: dueAt,
      expires_at: later(at, isEnd({ kind }) ? END_DELIVERY_MAX_MS : DELIVERY_MAX_MS),
    });
  }
}

type NewMessage = Omit<AlertMessagesTable, 'body' | 'lease_until' | 'kind' | keyof typeof UNSENT> & {
  readonly kind: AlertMessageKind | PingKind;
} & Partial<Pick<AlertMessagesTable, keyof typeof UNSENT>>;

const UNSENT = { state: 'pending', tries: 0, ended_at: null, answers: null } as const;

async function insertMessage(db: Db, message: NewMessage): Promise<void> {
  await db
    .insertInto('alert_messages')
    .values({
      ...{ body: null, lease_until: null },
      ...UNSENT,
      ...message,
    })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .execute();
}

/** AM3, AM4. Pings of one batch wait for those before them: a start must not be heard after its end. */
async function dueMessage(db: Db, at: string): Promise<AlertMessagesTable | undefined> {
  return db
    .selectFrom('alert_messages as m')
    .selectAll()
    .where('m.state', '=', 'pending')
    .where('m.due_at', '<=', at)
    .where((eb) => eb.or([eb('m.lease_until', 'is', null), eb('m.lease_until', '<=', at)]))
    .where((eb) =>
      eb.or([
        eb('m.fingerprint', 'is not', null),
        eb.not(
          eb.exists(
            eb
              .selectFrom('alert_messages as earlier')
              .select('earlier.id')
              .whereRef('earlier.batch_name', '=', 'm.batch_name')
              .where('earlier.fingerprint', 'is', null)
              .where('earlier.state', '=', 'pending')
              .whereRef('earlier.created_at', '<', 'm.created_at'),
          ),
        ),
      ]),
    )
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('alert_messages as before')
            .select('before.id')
            .whereRef('before.fingerprint', '=', 'm.fingerprint')
            .whereRef('before.route', '=', 'm.route')
            .where('before.state', '=', 'pending')
            .whereRef('before.created_at', '<', 'm.created_at')
            .where((of) => of.or([of('before.lease_until', '>', at), of('m.kind', 'in', ENDS)])),
        ),
      ),
    )
    .orderBy('m.created_at')
    .orderBy('m.id')
    .limit(1)
    .executeTakeFirst();
}

const later = (at: string, ms: number): string => new Date(Date.parse(at) + ms).toISOString();

const alertRow = (row: AlertsTable): AlertRow => ({
  fingerprint: row.fingerprint,
  batchName: row.batch_name,
  batchId: row.batch_id,
  rule: row.rule,
  subject: row.subject,
  errorClass: row.error_class ?? undefined,
  state: row.state,
  episode: row.episode,
  detail: JSON.parse(row.detail) as AlertDetail,
  firstSeen: row.first_seen,
  lastSeen: row.last_seen,
  resolvedAt: row.resolved_at ?? undefined,
  notifiedAt: row.notified_at ?? undefined,
  reminders: row.reminders,
});

const messageRow = (row: AlertMessagesTable): AlertMessage => ({
  id: row.id,
  messageId: row.message_id,
  fingerprint: row.fingerprint ?? undefined,
  batchName: row.batch_name,
  kind: row.kind,
  route: row.route,
  definition: row.definition,
  body: row.body === null ? undefined : (JSON.parse(row.body) as Notice),
  state: row.state,
  tries: row.tries,
  createdAt: row.created_at,
  dueAt: row.due_at,
  expiresAt: row.expires_at,
  endedAt: row.ended_at ?? undefined,
  answers: row.answers === null ? [] : (JSON.parse(row.answers) as ChannelAnswer[]),
});
