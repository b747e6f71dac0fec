/**
 * Installs the Ghost that destination tests run against. Takes minutes: SQLite's driver is compiled. About 600 MB.
 * Usage: node scripts/test-servers/ghost.mjs     prints the folder
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installOnce, isInstalled, serversFolder } from './install-once.mjs';

const VERSION = '5.130.6'; // 6.x needs Node 22
const RECIPE = JSON.stringify({ recipe: 1, ghost: VERSION });

const folderOf = () => join(serversFolder(), `ghost-${VERSION}`);

/** The folder of a whole installation; undefined where there is none. */
export const installed = () => (isInstalled(folderOf(), RECIPE) ? folderOf() : undefined);

/** @returns {Promise<string>} a folder with Ghost's `index.js`; its `content` is to be copied */
export const install = () => installOnce(folderOf(), RECIPE, make);

function make(folder) {
  const run = (command, args) =>
    execFileSync(command, args, { cwd: folder, stdio: ['ignore', process.stderr, 'inherit'] });
  const archive = `ghost-${VERSION}.tgz`;
  run('npm', ['pack', '--silent', `ghost@${VERSION}`]);
  run('tar', ['-xzf', archive, '--strip-components=1']);
  rmSync(join(folder, archive));

  const manifest = join(folder, 'package.json');
  const fields = JSON.parse(readFileSync(manifest, 'utf8'));
  delete fields.devDependencies; // npm resolves them even where they are left out
  writeFileSync(manifest, JSON.stringify(fields, null, 2));
  run('npm', ['install', '--legacy-peer-deps', '--omit=dev', '--no-audit', '--no-fund', '--loglevel=error']);

  // npm may pass over the script that compiles it: only loading it proves that it is there.
  const load = ['-e', 'require("sqlite3")'];
  if (spawnSync(process.execPath, load, { cwd: folder }).status !== 0) {
    run('npm', ['rebuild', 'sqlite3']);
    run(process.execPath, load);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(await install());
