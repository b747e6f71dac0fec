/**
 * Installs azurite, Microsoft's stand-in for Azure Blob Storage. About 190 MB.
 * Usage: node scripts/test-servers/azurite.mjs     prints the folder
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installOnce, isInstalled, serversFolder } from './install-once.mjs';

const VERSION = '3.35.0'; // later ones need Node 21
const PACKAGE = `azurite@${VERSION}`;

const folderOf = () => join(serversFolder(), `azurite-${VERSION}`);

/** The folder of a whole installation; undefined where there is none. */
export const installed = () => (isInstalled(folderOf(), PACKAGE) ? folderOf() : undefined);

/** @returns {Promise<string>} a folder with `node_modules/azurite` */
export const install = () =>
  installOnce(folderOf(), PACKAGE, (folder) => {
    const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
    execFileSync('npm', [...args, '--prefix', folder, PACKAGE], {
      stdio: ['ignore', process.stderr, 'inherit'],
    });
  });

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(await install());
