// Installs what package-lock.json of this directory lists, for a machine without npm, which is some hundreds of
// packages in Debian: node fetch.mjs
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';

const registry = process.env.npm_config_registry ?? 'https://registry.npmjs.org';
const lock = JSON.parse(readFileSync('package-lock.json'));
for (const [dir, { version, integrity }] of Object.entries(lock.packages)) {
  if (!dir) continue;
  const name = dir.replace('node_modules/', '');
  const answer = await fetch(`${registry.replace(/\/$/, '')}/${name}/-/${name.split('/').pop()}-${version}.tgz`);
  const tarball = Buffer.from(await answer.arrayBuffer());
  if (integrity !== 'sha512-' + createHash('sha512').update(tarball).digest('base64')) throw new Error(`${name}: not what the lock says`);
  mkdirSync(dir, { recursive: true });
  execFileSync('tar', ['xzf', '-', '-C', dir, '--strip-components=1'], { input: tarball });
  console.log(name, version);
}
