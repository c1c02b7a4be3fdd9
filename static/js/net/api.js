// The HTTP half of docs/protocol.md.
/** @import {SessionInfo, Config, MeetingInfo} from '../core/types.js' */

/** An error of the server, or of the way to it (id "network"). */
export class ApiError extends Error {
  /** @param {string} id @param {string} message @param {number} [retryAfter] seconds */
  constructor(id, message, retryAfter = 0) {
    super(message);
    this.id = id;
    this.retryAfter = retryAfter;
  }
}

/**
 * @param {string} method @param {string} path @param {object} [body] @returns {Promise<any>}
 */
async function call(method, path, body) {
  /** @type {Response} */
  let res;
  try {
    res = await fetch(path, {
      method,
      credentials: 'same-origin',
      cache: 'no-store',
      redirect: 'error',
      headers: body ? { 'Content-Type': 'application/json' } : {},
      body: body ? JSON.stringify(body) : undefined,
      signal: AbortSignal.timeout(15_000),
    });
  } catch (err) {
    throw new ApiError(err instanceof DOMException && err.name === 'TimeoutError' ? 'timeout' : 'network', '');
  }
  const text = await res.text();
  /** @type {any} */
  let json = null;
  try {
    json = text ? JSON.parse(text) : null;
  } catch {
    // not ours: a proxy's page, perhaps
  }
  if (res.ok) return json;
  const retry = json?.retry_after_s ?? Number(res.headers.get('Retry-After') ?? 0);
  throw new ApiError(
    json?.error ?? (res.status >= 500 ? 'internal' : 'unknown'),
    json?.message ?? '',
    Number.isFinite(retry) ? retry : 0,
  );
}

/** @returns {Promise<Config>} */
export const config = () => call('GET', '/api/config');

/** @returns {Promise<SessionInfo|null>} null when nobody is signed in */
export async function session() {
  try {
    return await call('GET', '/api/auth/session');
  } catch (err) {
    if (err instanceof ApiError && err.id === 'unauthenticated') return null;
    throw err;
  }
}

/** @param {string} email @returns {Promise<{expires_in_s: number, resend_in_s: number}>} */
export const askCode = (email) => call('POST', '/api/auth/code', { email });

/** @param {string} code @returns {Promise<SessionInfo>} */
export const verifyCode = (code) => call('POST', '/api/auth/verify', { code });

/** @returns {Promise<SessionInfo>} of somebody without an address; one's own if one has a session */
export const comeAsGuest = () => call('POST', '/api/auth/guest', {});

/** @returns {Promise<void>} */
export const logout = () => call('POST', '/api/auth/logout');

/**
 * @param {{title?: string, password?: string, lobby?: boolean, when_host_leaves?: string, e2ee?: boolean, private_audio?: boolean}} options
 * @returns {Promise<{meeting: string, expires_at: string, e2ee: boolean}>}
 */
export const createMeeting = (options) => call('POST', '/api/meetings', options);

/** @param {string} id @returns {Promise<MeetingInfo>} */
export const meetingInfo = (id) => call('GET', `/api/meetings/${encodeURIComponent(id)}`);
