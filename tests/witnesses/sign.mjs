// node sign.mjs FOLDER ISSUER
//
// Signs samples with the npm libraries, to prove that the verifiers here can say both yes and no. ISSUER is `key` (a
// did:key) or an https address whose documents are written to FOLDER/documents.json. Writes good.json and revoked.json,
// which share one signed Bitstring status list.
import {documentLoader, useDocuments} from './loader.mjs';
import {writeFileSync} from 'node:fs';
import * as bitstring from '@digitalbazaar/vc-bitstring-status-list';
import * as Ed25519Multikey from '@digitalbazaar/ed25519-multikey';
import * as vc from '@digitalbazaar/vc';
import {cryptosuite} from '@digitalbazaar/eddsa-rdfc-2022-cryptosuite';
import {DataIntegrityProof} from '@digitalbazaar/data-integrity';

const [folder, kind] = process.argv.slice(2);
const STATUS_URL = 'https://badges.example.org/status/1';
const REVOKED = 94567;

const key = await Ed25519Multikey.generate();
const publicKey = (await key.export({publicKey: true})).publicKeyMultibase;
const issuer = kind === 'key' ? `did:key:${publicKey}` : kind;
key.id = kind === 'key' ? `${issuer}#${publicKey}` : `${issuer}/keys/1`;
key.controller = issuer;
const method = {
  '@context': 'https://w3id.org/security/multikey/v1', id: key.id, type: 'Multikey', controller: issuer,
  publicKeyMultibase: publicKey
};
const documents = kind === 'key' ? {} : {
  [key.id]: method,
  [issuer]: {
    '@context': ['https://www.w3.org/ns/did/v1', 'https://w3id.org/security/multikey/v1'],
    id: issuer, assertionMethod: [method]
  }
};

function credentialOf(index) {
  return {
    '@context': [
      'https://www.w3.org/ns/credentials/v2', 'https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json'
    ],
    id: `https://badges.example.org/credentials/${index}`,
    type: ['VerifiableCredential', 'OpenBadgeCredential'],
    name: 'Water chemistry',
    issuer: {id: issuer, type: ['Profile'], name: 'Example College'},
    validFrom: '2026-01-01T00:00:00Z',
    credentialSubject: {
      id: 'urn:uuid:0b3bd0c2-6a5c-4f0e-9c55-2f8a5f6f6a01', type: ['AchievementSubject'],
      achievement: {
        id: 'https://badges.example.org/achievements/1', type: ['Achievement'], name: 'Water chemistry',
        description: 'Keeps the water of a small system healthy', criteria: {narrative: 'Three weekly tests'}
      }
    },
    credentialStatus: {
      id: `${STATUS_URL}#${index}`, type: 'BitstringStatusListEntry', statusPurpose: 'revocation',
      statusListIndex: String(index), statusListCredential: STATUS_URL
    }
  };
}

async function signed(credential) {
  const suite = new DataIntegrityProof({signer: key.signer(), cryptosuite});
  return vc.issue({credential, suite, documentLoader});
}

function write(name, document) {
  writeFileSync(`${folder}/${name}`, JSON.stringify(document));
}

write('documents.json', documents);
useDocuments(`${folder}/documents.json`);
const list = await bitstring.createList({length: 131072});
list.setStatus(REVOKED, true);
const unsigned = await bitstring.createCredential({id: STATUS_URL, list, statusPurpose: 'revocation'});
documents[STATUS_URL] = await signed({...unsigned, issuer, validFrom: '2026-01-01T00:00:00Z'});
write('documents.json', documents);
write('good.json', await signed(credentialOf(1)));
write('revoked.json', await signed(credentialOf(REVOKED)));
