// node sign_peer.mjs prepare|sign|verify FOLDER
//
// @digitalbazaar/vc as the peer. FOLDER holds key.json (a Multikey with its secret) and unsigned.json (credentials).
// `prepare` writes signed.json, which both sides verify. `sign` and `verify` answer rounds on standard input and output
// as bench/worker.py describes. Contexts, key document and status never leave memory: only signing is compared.
import {readFileSync, writeFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {createInterface} from 'node:readline';
import {pathToFileURL} from 'node:url';
import {documentLoader as loadDocument} from '../tests/witnesses/loader.mjs';

const require = createRequire(new URL('../tests/witnesses/package.json', import.meta.url));
const load = name => import(pathToFileURL(require.resolve(name)).href);
const vc = await load('@digitalbazaar/vc');
const Ed25519Multikey = await load('@digitalbazaar/ed25519-multikey');
const {DataIntegrityProof} = await load('@digitalbazaar/data-integrity');
const {cryptosuite} = await load('@digitalbazaar/eddsa-rdfc-2022-cryptosuite');

const [action, folder] = process.argv.slice(2);
const read = name => JSON.parse(readFileSync(`${folder}/${name}`, 'utf8'));

// Each document is made once; without this the peer would derive the key document anew for every signature.
const documents = new Map();
async function documentLoader(url) {
  if(!documents.has(url)) {
    documents.set(url, await loadDocument(url));
  }
  return documents.get(url);
}

const key = await Ed25519Multikey.from(read('key.json'));
const signer = key.signer();
const checkStatus = async () => ({verified: true});

async function sign(credential) {
  const suite = new DataIntegrityProof({signer, cryptosuite});
  return vc.issue({credential, suite, documentLoader});
}

async function verify(credential) {
  const suite = new DataIntegrityProof({cryptosuite});
  const result = await vc.verifyCredential({credential, suite, documentLoader, checkStatus});
  if(!result.verified) {
    throw result.error;
  }
}

async function round(operation, credentials, seconds) {
  globalThis.gc?.();
  let operations = 0;
  let used = 0;
  const before = process.cpuUsage();
  while(used < seconds) {
    await operation(credentials[operations++ % credentials.length]);
    const spent = process.cpuUsage(before);
    used = (spent.user + spent.system) / 1e6;
  }
  return {operations, cpu: used};
}

const answer = document => process.stdout.write(JSON.stringify(document) + '\n');

if(action === 'prepare') {
  const signed = [];
  for(const credential of read('unsigned.json')) {
    signed.push(await sign(credential));
  }
  writeFileSync(`${folder}/signed.json`, JSON.stringify(signed));
} else {
  const operation = {sign, verify}[action];
  const credentials = read(action === 'sign' ? 'unsigned.json' : 'signed.json');
  answer({ready: true});
  for await (const line of createInterface({input: process.stdin})) {
    answer(await round(operation, credentials, JSON.parse(line).seconds));
  }
}
