/**
 * Installs moto, a stand-in for Amazon S3 that honours conditional writes. Needs python3 with pip. About 300 MB.
 * Usage: node scripts/test-servers/moto.mjs     prints the folder
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installOnce, isInstalled, serversFolder } from './install-once.mjs';

const VERSION = '5.2.5';
const PACKAGE = `moto[server,s3]==${VERSION}`;

const folderOf = () => join(serversFolder(), `moto-${VERSION}`);

/** The folder of a whole installation; undefined where there is none. */
export const installed = () => (isInstalled(folderOf(), PACKAGE) ? folderOf() : undefined);

/** @returns {Promise<string>} a folder for PYTHONPATH */
export const install = () =>
  installOnce(folderOf(), PACKAGE, (folder) => {
    const args = ['-m', 'pip', 'install', '--quiet', '--no-input', '--target', folder, PACKAGE];
    execFileSync('python3', args, { stdio: ['ignore', process.stderr, 'inherit'] });
  });

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(await install());
