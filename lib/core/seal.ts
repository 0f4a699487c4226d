import { createCipheriv, createDecipheriv, createHash, createSecretKey, randomBytes } from 'node:crypto';
import { AppError } from './app-error.ts';
import type { Secret } from './secret.ts';

/**
 * Seals text for storage with AES-256-GCM (NIST SP 800-38D): `v1.<key id>.<base64url of nonce, ciphertext and tag>`. What is
 * sealed opens only under the same key and at the same place, so a value that is copied to another place does not open.
 */
export interface Seal {
  /** @param place what the value belongs to; it is authenticated, and not hidden (the AAD) */
  seal(text: string, place: string): string;
  /** @throws AppError `cannot_unseal` that says why, and never the value */
  open(sealed: string, place: string): string;
}

const VERSION = 'v1';
const KEY_BYTES = 32;
/** The length that GCM is made for; random ones do not repeat before some 2^32 values under one key. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Keys that `npm start` has made begin so, and production refuses them: they lie in a folder beside the code. */
export const DEVELOPMENT_MARK = 'development:';

/**
 * Makes a seal of one or more keys, base64 of 32 bytes each, separated by commas: the first one seals, all of them open.
 * @throws TypeError that names the place in the list, and not the key
 */
export function createSeal(keys: Secret): Seal {
  // As key objects: from bytes OpenSSL would make one for each value, which costs more than the sealing.
  const byId = new Map(parseSealKeys(keys.reveal()).map((key) => [keyId(key), createSecretKey(key)]));
  const [first] = byId;
  if (first === undefined) throw new TypeError('secrets key: expected at least one');
  const [firstId, firstKey] = first;
  return {
    seal(text, place) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', firstKey, nonce, { authTagLength: TAG_BYTES });
      cipher.setAAD(Buffer.from(place));
      const sealed = Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
      return `${VERSION}.${firstId}.${sealed.toString('base64url')}`;
    },
    open(sealed, place) {
      const [version, id = '', text, ...more] = sealed.split('.');
      if (version !== VERSION || text === undefined || more.length > 0)
        throw cannotUnseal(place, `expected ${VERSION}.<key id>.<text>, got another form`);
      const key = byId.get(id);
      if (key === undefined)
        throw cannotUnseal(place, `it was sealed with the key ${printable(id)}; there are ${[...byId.keys()].join(', ')}`);
      const bytes = Buffer.from(text, 'base64url');
      if (bytes.length < NONCE_BYTES + TAG_BYTES) throw cannotUnseal(place, 'it is cut short');
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
      decipher.setAAD(Buffer.from(place));
      decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
      try {
        return decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES), undefined, 'utf8') + decipher.final('utf8');
      } catch (error) {
        throw cannotUnseal(place, 'it was changed, or sealed for another place', error);
      }
    },
  };
}

/** @throws TypeError that names the place in the list, and not the key */
export function parseSealKeys(text: string): Buffer[] {
  return text.split(',').map((part, index) => {
    const encoded = part.trim().replace(DEVELOPMENT_MARK, '');
    const key = Buffer.from(encoded, 'base64');
    // Node's decoder passes over what is no base64: the way back shows whether all of it was.
    if (key.length !== KEY_BYTES || key.toString('base64').replace(/=+$/, '') !== encoded.replace(/=+$/, ''))
      throw new TypeError(`secrets key ${index + 1}: expected base64 of ${KEY_BYTES} bytes`);
    return key;
  });
}

/** The first 8 hexadecimal digits of the key's SHA-256: enough to tell keys apart, and of no use for guessing one. */
function keyId(key: Uint8Array): string {
  return createHash('sha256').update(key).digest('hex').slice(0, 8);
}

function cannotUnseal(place: string, because: string, cause?: unknown): AppError {
  return new AppError('cannot_unseal', `${place}: cannot be opened: ${because}`, cause === undefined ? {} : { cause });
}

/** What stands where an id should may be anything, also the secret itself. */
function printable(id: string): string {
  return /^[0-9a-f]{8}$/.test(id) ? id : 'of another form';
}
