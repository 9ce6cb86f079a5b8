// node verify.mjs [--documents MAP.json] FILE...
//
// Verifies each FILE (a signed Open Badges 3.0 credential) with two libraries and prints one JSON document:
// {FILE: {LIBRARY: {verified, errors, status}}}. `status` is null where the credential names none, else
// {PURPOSE: true when set}. `verified` means: the proof fits, the credential is valid now, and no status is set.
import {documentLoader, useDocuments} from './loader.mjs';
import {readFileSync} from 'node:fs';

// The libraries write remarks, such as "schema not found", to stdout, which belongs to the answer.
for(const method of ['log', 'info', 'debug', 'warn', 'error']) {
  console[method] = () => {};
}

const {DataIntegrityProof} = await import('@digitalbazaar/data-integrity');
const {cryptosuite} = await import('@digitalbazaar/eddsa-rdfc-2022-cryptosuite');
const vc = await import('@digitalbazaar/vc');
const bitstring = await import('@digitalbazaar/vc-bitstring-status-list');
const core = await import('@digitalcredentials/verifier-core');

function messages(error) {
  if(!error) {
    return [];
  }
  const parts = error.errors ?? error.cause?.errors;
  return parts?.length ? parts.flatMap(messages) : [`${error.name}: ${error.message}`];
}

// `verified: true` of @digitalbazaar/vc says nothing of the status: the bits stand in `statusResult.results`.
async function withDigitalBazaar(credential) {
  const result = await vc.verifyCredential({
    credential, documentLoader, suite: new DataIntegrityProof({cryptosuite}),
    checkStatus: credential.credentialStatus ? bitstring.checkStatus : undefined
  });
  const errors = [...messages(result.error), ...messages(result.statusResult?.error)];
  let status = null;
  if(credential.credentialStatus) {
    const found = result.statusResult?.results ?? [];
    status = Object.fromEntries(found.map(one => [one.credentialStatus.statusPurpose, one.status === true]));
  }
  const isSet = Object.values(status ?? {}).includes(true);
  return {verified: result.verified === true && errors.length === 0 && !isSet, errors, status};
}

// verifier-core writes one log entry a step; a step that is absent was not done.
async function withVerifierCore(credential) {
  const result = await core.verifyCredential({credential, knownDIDRegistries: []});
  const steps = Object.fromEntries((result.log ?? []).map(step => [step.id, step]));
  const errors = [...(result.errors ?? []), ...Object.values(steps).map(step => step.error).filter(Boolean)]
    .map(error => `${error.name}: ${error.message}`);
  const status = credential.credentialStatus ? {} : null;
  for(const [id, step] of Object.entries(steps)) {
    if(status && id.endsWith('_status') && !step.error) {
      status[id.slice(0, -'_status'.length)] = step.valid === false;
    }
  }
  const isSet = Object.values(status ?? {}).includes(true);
  const verified = errors.length === 0 && !isSet && steps.valid_signature?.valid === true &&
    steps.expiration?.valid !== false;
  return {verified, errors, status};
}

const LIBRARIES = {'@digitalbazaar/vc': withDigitalBazaar, '@digitalcredentials/verifier-core': withVerifierCore};

async function verdict(verify, credential) {
  try {
    return await verify(structuredClone(credential));
  } catch(error) {
    return {verified: false, errors: [`${error.name}: ${error.message}`], status: null};
  }
}

const files = process.argv.slice(2);
if(files[0] === '--documents') {
  useDocuments(files[1]);
  files.splice(0, 2);
}
if(files.length === 0) {
  process.stderr.write('usage: node verify.mjs [--documents MAP.json] FILE...\n');
  process.exit(2);
}
const answer = {};
for(const file of files) {
  const credential = JSON.parse(readFileSync(file, 'utf8'));
  answer[file] = {};
  for(const [name, verify] of Object.entries(LIBRARIES)) {
    answer[file][name] = await verdict(verify, credential);
  }
}
process.stdout.write(JSON.stringify(answer, null, 2) + '\n');
