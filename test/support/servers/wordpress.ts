/**
 * A WordPress of a test's own: private copy, private SQLite database, free port on loopback, several PHP workers so
 * that races are real. It calls nobody.
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startLoopbackProcess } from './loopback-process.js';

export interface WordPressUser {
  readonly id: number;
  readonly username: string;
  /** Application password. */
  readonly password: string;
}

/** A row of the posts table, read past WordPress's own rules of who may see what. */
export interface PostRow {
  readonly id: number;
  readonly type: string;
  readonly slug: string;
  readonly status: string;
  readonly title: string;
  readonly content: string;
  readonly author: number;
}

export interface WordPressServer {
  readonly url: string;
  readonly port: number;
  readonly author: WordPressUser;
  readonly otherAuthor: WordPressUser;
  readonly administrator: WordPressUser;
  /** Posts and pages of every state, oldest first. */
  rows(): Promise<readonly PostRow[]>;
  /** All of what the site says, with whatever belongs to it, as text. */
  content(): Promise<string>;
  /** How many posts hold this text, of each state. */
  count(text: string): Promise<Readonly<Record<string, number>>>;
  /** What a person does: a REST request in that user's name, to a path such as `/wp/v2/posts`. */
  as(user: WordPressUser, method: string, path: string, body?: unknown): Promise<unknown>;
  /** What the public sees at an address. */
  page(url: string): Promise<{ readonly status: number; readonly html: string }>;
  /** Ends it and removes its data. Repeatable. */
  stop(): Promise<void>;
}

/** Two workers take turns on two cores; four let creations really overlap. */
const WORKERS = 4;

/**
 * Loaded by WordPress itself. Sign-in by application password needs https otherwise. Three addresses are for tests
 * only: one makes the users, one reads the table of posts, one all of the content.
 */
const TEST_PLUGIN = `<?php
add_filter('wp_is_application_passwords_available', '__return_true');
add_action('init', function () {
  register_post_meta('post', 'nightshift_mark', ['single' => true, 'type' => 'string', 'show_in_rest' => true,
    'auth_callback' => function () { return current_user_can('edit_posts'); }]);
  $wanted = $_GET['nightshift-test'] ?? '';
  if ($wanted === '') return;
  $answer = null;
  if ($wanted === 'users') {
    foreach (['author' => 'author', 'otherAuthor' => 'author', 'administrator' => 'administrator'] as $name => $role) {
      $login = strtolower("test-$name");
      $id = wp_insert_user(['user_login' => $login, 'user_pass' => wp_generate_password(),
        'user_email' => "$login@example.org", 'role' => $role]);
      [$password] = WP_Application_Passwords::create_new_application_password($id, ['name' => 'nightshift']);
      $answer[$name] = ['id' => $id, 'username' => $login, 'password' => $password];
    }
  } elseif ($wanted === 'content') {
    global $wpdb;
    foreach (['posts', 'postmeta', 'terms', 'term_taxonomy', 'term_relationships', 'comments'] as $table)
      $answer[$table] = $wpdb->get_results("SELECT * FROM {$wpdb->$table}");
  } else {
    global $wpdb;
    $answer = array_map(fn ($row) => ['id' => (int) $row->ID, 'type' => $row->post_type, 'slug' => $row->post_name,
      'status' => $row->post_status, 'title' => $row->post_title, 'content' => $row->post_content,
      'author' => (int) $row->post_author], $wpdb->get_results(
      "SELECT * FROM $wpdb->posts WHERE post_type IN ('post', 'page') AND post_status <> 'auto-draft' ORDER BY ID"));
  }
  header('content-type: application/json');
  echo json_encode($answer);
  exit;
}, 20);
`;

/**
 * Starts a site with WordPress's own first post and page in it. The caller stops it, also when its test failed.
 * @param program folder of the installation, from `folderOfServer('wordpress')`
 */
export async function startWordPress(program: string): Promise<WordPressServer> {
  const home = mkdtempSync(join(tmpdir(), 'nightshift-wordpress-'));
  const site = join(home, 'site');
  const clean = () => rmSync(home, { recursive: true, force: true, maxRetries: 3 });
  process.once('exit', clean);
  cpSync(join(program, 'site'), site, { recursive: true });
  const plugins = join(site, 'wp-content', 'mu-plugins');
  mkdirSync(plugins, { recursive: true });
  writeFileSync(join(plugins, 'nightshift-test.php'), TEST_PLUGIN);

  const running = await startLoopbackProcess({
    name: 'wordpress',
    command: 'php',
    args: (port) => ['-S', `127.0.0.1:${port}`, '-t', site],
    cwd: home,
    env: { HOME: home, TMPDIR: home, PHP_CLI_SERVER_WORKERS: String(WORKERS) },
  });
  const stop = async () => {
    await running.stop();
    process.off('exit', clean);
    clean();
  };
  const url = `http://127.0.0.1:${running.port}`;
  try {
    const users = (await json(`${url}/?nightshift-test=users`)) as Record<Role, WordPressUser>;
    const rows: WordPressServer['rows'] = async () =>
      (await json(`${url}/?nightshift-test=posts`)) as PostRow[];
    return {
      url,
      port: running.port,
      ...users,
      rows,
      content: async () => JSON.stringify(await json(`${url}/?nightshift-test=content`)),
      count: async (text) => {
        const states: Record<string, number> = {};
        for (const { content, status } of await rows())
          if (content.includes(text)) states[status] = (states[status] ?? 0) + 1;
        return states;
      },
      as: async ({ username, password }, method, path, body) => {
        const response = await fetch(`${url}/wp-json${path}`, {
          method,
          headers: {
            authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`,
            'content-type': 'application/json',
          },
          ...(body !== undefined && { body: JSON.stringify(body) }),
          redirect: 'manual',
        });
        const text = await response.text();
        if (!response.ok)
          throw new Error(`${method} ${path} was answered ${response.status}: ${text.slice(0, 500)}`);
        return JSON.parse(text) as unknown;
      },
      page: async (address) => {
        const response = await fetch(address, { redirect: 'manual' });
        return { status: response.status, html: await response.text() };
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

type Role = 'author' | 'otherAuthor' | 'administrator';

async function json(url: string): Promise<unknown> {
  const response = await fetch(url, { redirect: 'manual' });
  const text = await response.text();
  if (response.status !== 200)
    throw new Error(`${url} was answered ${response.status}: ${text.slice(0, 500)}`);
  return JSON.parse(text) as unknown;
}
