/**
 * Installs the WordPress that destination tests run against: WordPress 6.5.5 with SQLite, on the machine's PHP.
 * About 20 MB.
 * Usage: node scripts/test-servers/wordpress.mjs     prints the folder
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installOnce, isInstalled, serversFolder } from './install-once.mjs';

const PACKAGES = {
  '@wp-playground/wordpress-builds': '0.9.19', // the one place on npm where WordPress itself is
  fflate: '0.8.3', // unzips it; not every machine has unzip
};
const BUILDS = 'node_modules/@wp-playground/wordpress-builds/src';
const SQLITE = 'sqlite-database-integration';

/** The address is the request's, as the port is another one each time. It calls nobody. */
const CONFIG = `<?php
foreach (['NAME', 'USER', 'PASSWORD', 'HOST', 'COLLATE'] as $unused) define("DB_$unused", '');
define('DB_CHARSET', 'utf8mb4');
define('WP_HOME', 'http://' . ($_SERVER['HTTP_HOST'] ?? '127.0.0.1'));
define('WP_SITEURL', WP_HOME);
define('WP_HTTP_BLOCK_EXTERNAL', true);
define('DISABLE_WP_CRON', true);
$table_prefix = 'wp_';
if (!defined('ABSPATH')) define('ABSPATH', __DIR__ . '/');
require_once ABSPATH . 'wp-settings.php';
`;
/** /wp-json answers only where permalinks are not plain. */
const PERMALINKS = `require 'wp-load.php';
$wp_rewrite->set_permalink_structure('/%postname%/');
$wp_rewrite->flush_rules(false);
`;
const RECIPE = JSON.stringify({ recipe: 2, packages: PACKAGES, config: CONFIG, permalinks: PERMALINKS });

const folderOf = () => join(serversFolder(), 'wordpress-6.5.5-php');
const hasPhp = () => spawnSync('php', ['-r', 'exit(extension_loaded("pdo_sqlite") ? 0 : 1);']).status === 0;

/** The folder of a whole installation; undefined where there is none, or no PHP to run it. */
export const installed = () => (isInstalled(folderOf(), RECIPE) && hasPhp() ? folderOf() : undefined);

/** @returns {Promise<string>} a folder with `site`, a WordPress with its first post and page, to be copied */
export const install = () => {
  if (!hasPhp())
    throw new Error(
      'WordPress needs PHP with SQLite: apt-get install php-cli php-sqlite3 php-mbstring php-xml',
    );
  return installOnce(folderOf(), RECIPE, make);
};

async function make(folder) {
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({
      private: true,
      name: 'wordpress-test-server',
      version: '1.0.0',
      dependencies: PACKAGES,
    }),
  );
  // Install scripts stay off: nothing of this needs one.
  execFileSync('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: folder,
    stdio: ['ignore', process.stderr, 'inherit'],
  });
  const site = join(folder, 'site');
  const plugins = join(site, 'wp-content/plugins');
  await unzip(folder, 'wordpress/wp-6.5.zip', site);
  await unzip(folder, `${SQLITE}/${SQLITE}.zip`, plugins);
  renameSync(join(plugins, `${SQLITE}-main`), join(plugins, SQLITE));
  cpSync(join(plugins, SQLITE, 'db.copy'), join(site, 'wp-content/db.php'));
  writeFileSync(join(site, 'wp-config.php'), CONFIG);
  execFileSync('php', ['-r', PERMALINKS], { cwd: site, stdio: ['ignore', process.stderr, 'inherit'] });
  rmSync(join(folder, 'node_modules'), { recursive: true });
}

async function unzip(folder, archive, into) {
  const { unzipSync } = await import(join(folder, 'node_modules/fflate/esm/index.mjs'));
  for (const [name, bytes] of Object.entries(unzipSync(readFileSync(join(folder, BUILDS, archive))))) {
    if (name.endsWith('/')) continue;
    const path = join(into, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(await install());
