// PKCS#10 certificate requests: how a node asks for its certificate, and the proof that it has the key.

import 'reflect-metadata';
import { type KeyObject, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { TreecastError } from '../../model/treecast-error.ts';
import { ed25519, webKeyPair } from './key-pair.ts';

/** A request for an Ed25519 key is some 300 characters. */
export const signingRequestCharactersMax = 4_096;

/** PEM. */
export async function createSigningRequest(privateKey: KeyObject, node: string): Promise<string> {
  x509.cryptoProvider.set(webcrypto as unknown as Parameters<typeof x509.cryptoProvider.set>[0]);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: [{ CN: [node] }],
    keys: webKeyPair(privateKey),
    signingAlgorithm: ed25519,
  });
  return request.toString('pem');
}

/** The request's public key. Throws CERTIFICATE_INVALID unless it is Ed25519, signs the request, and the name is `node`. */
export async function verifySigningRequest(pem: string, node: string): Promise<x509.PublicKey> {
  if (pem.length > signingRequestCharactersMax) throw refused('it is too long');
  let request: x509.Pkcs10CertificateRequest;
  try {
    request = new x509.Pkcs10CertificateRequest(pem);
  } catch (cause) {
    throw refused('it is not a PKCS#10 request in PEM', cause);
  }
  // The library's types name DOM's, which are not here.
  const algorithm = request.publicKey.algorithm as { readonly name: string };
  if (algorithm.name !== ed25519.name) throw refused('its key is not Ed25519');
  const proven = await request.verify().catch(() => false);
  if (!proven) throw refused('its signature does not prove the key');
  const names = request.subjectName.toJSON().flatMap((part) => part.CN ?? []);
  if (names.length !== 1 || names[0] !== node) throw refused(`its name is not ${node}`);
  return request.publicKey;
}

function refused(why: string, cause?: unknown): TreecastError {
  return new TreecastError('CERTIFICATE_INVALID', `The certificate request was refused: ${why}.`, {
    cause,
    fix: 'Join with `treecast agent join`, which makes the key and the request.',
  });
}
