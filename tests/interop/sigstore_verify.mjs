// Verifies one bundle with @sigstore/verify, offline and against one key.
//
//   node sigstore_verify.mjs <directory with node_modules> <public key, PEM> <bundle>
//
// Exits 0 if the signature holds, 1 with the reason if it does not.

import { createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';

const [modules, keyFile, bundleFile] = process.argv.slice(2);
const require = createRequire(join(resolve(modules), 'package.json'));
const { bundleFromJSON } = require('@sigstore/bundle');
const { toSignedEntity, toTrustMaterial, Verifier } = require('@sigstore/verify');

const rawBytes = createPublicKey(readFileSync(keyFile)).export({ type: 'spki', format: 'der' });
// The given key whatever the hint says: a wrong key must fail by its signature.
const publicKey = () => ({ publicKey: createPublicKey({ key: rawBytes, format: 'der', type: 'spki' }), validFor: () => true });
const noServices = { certificateAuthorities: [], timestampAuthorities: [], tlogs: [], ctlogs: [] };

try {
  const bundle = bundleFromJSON(JSON.parse(readFileSync(bundleFile, 'utf8')));
  const verifier = new Verifier(toTrustMaterial(noServices, publicKey), {
    ctlogThreshold: 0,
    tlogThreshold: 0,
    timestampThreshold: 0,
  });
  verifier.verify(toSignedEntity(bundle));
} catch (error) {
  console.log(`${error.code ?? error.name}: ${error.message}`);
  process.exitCode = 1;
}
