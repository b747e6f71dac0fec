/**
 * Installs the WordPress that destination tests run against: WordPress 6.5.5 with SQLite on PHP compiled to
 * WebAssembly, no PHP and no database server needed. About 1 GB.
 * Usage: node scripts/test-servers/wordpress.mjs     prints the folder
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installOnce, isInstalled, serversFolder } from './install-once.mjs';

const CLI = '3.1.56';
const BUILDS = '0.9.19';
const PACKAGES = {
  '@wp-playground/cli': CLI,
  '@wp-playground/wordpress-builds': BUILDS,
  fflate: '0.8.3', // unzips WordPress; not every machine has unzip
};
const WORDPRESS_ZIP = 'node_modules/@wp-playground/wordpress-builds/src/wordpress/wp-6.5.zip';
const RECIPE = JSON.stringify({ recipe: 1, packages: PACKAGES });

const folderOf = () => join(serversFolder(), `wordpress-6.5-playground-${CLI}`);

/** The folder of a whole installation; undefined where there is none. */
export const installed = () => (isInstalled(folderOf(), RECIPE) ? folderOf() : undefined);

/**
 * @returns {Promise<string>} a folder with `node_modules/.bin/wp-playground-cli` and `site`, an untouched WordPress
 * to be copied
 */
export const install = () => installOnce(folderOf(), RECIPE, make);

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
  const { unzipSync } = await import(join(folder, 'node_modules/fflate/esm/index.mjs'));
  for (const [name, bytes] of Object.entries(unzipSync(readFileSync(join(folder, WORDPRESS_ZIP))))) {
    const path = join(folder, 'site', name);
    if (name.endsWith('/')) continue;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(await install());
