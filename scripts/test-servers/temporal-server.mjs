/**
 * Builds the Temporal server and its SQL tool, as the images of docker-compose.yml have them. Needs Go; takes minutes.
 * Tests of the deployment use them where they are installed, else the server of the `temporal` program.
 * Usage: node scripts/test-servers/temporal-server.mjs     prints the folder
 */
import { execFileSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installOnce, isInstalled, serversFolder } from './install-once.mjs';

const VERSION = 'v1.31.2';
const MODULE = 'go.temporal.io/server';
const RECIPE = `${MODULE}@${VERSION}`;

const folderOf = () => join(serversFolder(), `temporal-server-${VERSION}`);

/** The folder of a whole installation; undefined where there is none. */
export const installed = () => (isInstalled(folderOf(), RECIPE) ? folderOf() : undefined);

/** @returns {Promise<string>} a folder with the programs `server` and `sql`, and `schema/` */
export const install = () =>
  installOnce(folderOf(), RECIPE, (folder) => {
    const go = (args) =>
      execFileSync('go', args, {
        cwd: folder,
        env: { ...process.env, GOBIN: folder },
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'inherit'],
      });
    for (const program of ['cmd/server', 'cmd/tools/sql']) go(['install', `${MODULE}/${program}@${VERSION}`]);
    const { Dir } = JSON.parse(go(['mod', 'download', '-json', RECIPE]));
    cpSync(join(Dir, 'schema'), join(folder, 'schema'), { recursive: true });
  });

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(await install());
