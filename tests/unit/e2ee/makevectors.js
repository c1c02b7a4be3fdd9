// Makes vectors that Go checks: e2ee/testdata/vectors-js.json (docs/e2ee.md), in the form that
// e2ee/group/vectors_test.go describes. What is random is drawn anew each time.
/** @import {Bytes} from '../../../static/js/e2ee/bytes.js' */
/** @import {LinkSecrets} from '../../../static/js/e2ee/link.js' */
/** @import {Meeting} from '../../../static/js/e2ee/policy.js' */
/** @import {Identity} from '../../../static/js/e2ee/seat.js' */
import { hex, random } from '../../../static/js/e2ee/bytes.js';
import { pairNumber, safetyNumber } from '../../../static/js/e2ee/codes.js';
import { entryHash } from '../../../static/js/e2ee/entries.js';
import { sealFrame } from '../../../static/js/e2ee/frame.js';
import * as links from '../../../static/js/e2ee/link.js';
import { newSignatureKey } from '../../../static/js/e2ee/mls/signing.js';
import { pairFrom } from '../../../static/js/e2ee/mls/x25519.js';
import { Found, HEIR, grant, roleOf, withGrant, writeGrant, writeMeeting } from '../../../static/js/e2ee/policy.js';
import { sealPrivate } from '../../../static/js/e2ee/private.js';
import * as seats from '../../../static/js/e2ee/seat.js';
import { deriveKey } from '../../../static/js/e2ee/sframe.js';

const MEETING = 'k7qm-2f9x-w3dj-8hrt';
const NAMES = ['Ann', 'Žofie Nováková', 'a name of sixty-four letters, which is as long as a name can be!'];
const VIEWER = 0;

/** @returns {Promise<Identity>} */
async function identity() {
  const { privateKey, publicKey } = await newSignatureKey();
  return { ik: { privateKey, publicKey: /** @type {any} */ (null) }, ikPublic: publicKey };
}

/** @param {Identity} creator @returns {Promise<{secrets: LinkSecrets, vector: object}[]>} */
async function makeLinks(creator) {
  const out = [];
  for (const [lobby, password] of /** @type {const} */ ([
    [true, ''],
    [false, ''],
    [true, 'correct horse'],
  ])) {
    const link = await links.make(creator.ikPublic, lobby);
    const both = password ? await links.passwordSecrets(link, MEETING, password) : null;
    const secrets = await links.secrets(link, MEETING, both?.p);
    const vector = {
      fragment: links.format(link).slice(1),
      meeting: MEETING,
      password,
      root: hex(secrets.root),
      psk_1: hex(await links.psk(secrets, 1)),
      psk_1_id: hex(links.pskId(1)),
      join_key: hex(secrets.join),
      name_key: hex(secrets.name),
      hpke_psk: hex(secrets.hpke),
      password_verifier: both ? hex(both.verifier) : '',
    };
    out.push({ secrets, vector });
  }
  return out;
}

/** @param {readonly {secrets: LinkSecrets}[]} made */
async function makeNames(made) {
  const out = [];
  for (const [link, { secrets }] of made.entries()) {
    for (const name of NAMES) {
      const { ikPublic: ik } = await identity();
      out.push({ link, ik: hex(ik), name, sealed: hex(await seats.sealName(secrets, ik, name)) });
    }
  }
  return out;
}

/** @param {readonly {secrets: LinkSecrets}[]} made */
async function makeProofs(made) {
  const out = [];
  for (const [link, { secrets }] of made.entries()) {
    const own = await seats.keyPackage(await newSignatureKey(), secrets, new Uint8Array(0));
    const { leaf, initKey, extensions } = own.keyPackage;
    const [proof] = extensions;
    out.push({ link, signature_key: hex(leaf.signatureKey), init_key: hex(initKey), proof: hex(proof.data) });
  }
  return out;
}

/** @param {Bytes} groupId */
async function makeSigned(groupId) {
  const [host, subject] = [await identity(), await identity()];
  const admissions = [];
  const grants = [];
  for (const valid of [true, false]) {
    const given = await seats.admit(host, groupId, subject.ikPublic, seats.PARTICIPANT);
    const admission = { ...given, role: valid ? given.role : seats.HOST };
    const name = random(12 + 64 + 16);
    admissions.push({
      group_id: hex(groupId),
      subject: hex(subject.ikPublic),
      admission: hex(seats.writeAdmission(admission)),
      valid,
      seat: hex(seats.writeSeat({ bot: true, name, admission })),
      sealed_name: hex(name),
    });
    const g = await grant(host, groupId, subject.ikPublic, seats.COHOST);
    const said = valid ? g : { ...g, role: seats.HOST, signed: seats.HOST };
    grants.push({ group_id: hex(groupId), grant: hex(writeGrant(said)), valid });
  }
  return { admissions, grants };
}

/** @param {Bytes} groupId @param {Meeting} m @param {boolean} valid @param {readonly Identity[]} [people] */
async function meetingVector(groupId, m, valid, people = []) {
  const found = new Found();
  const keys = people.map((p) => p.ikPublic);
  const roles = await Promise.all(keys.map((key) => roleOf(m, groupId, key, null, found)));
  return {
    group_id: hex(groupId),
    meeting: hex(writeMeeting(m)),
    valid,
    keys: keys.map(hex),
    roles: Buffer.from(roles).toString('base64'),
  };
}

/** @param {Bytes} groupId @param {Identity} creator */
async function makeMeetings(groupId, creator) {
  const people = await Promise.all([identity(), identity(), identity(), identity()]);
  const [host, cohost, heir, viewer] = people;
  const given = (/** @type {Identity} */ by, /** @type {Identity} */ to, /** @type {number} */ role) =>
    grant(by, groupId, to.ikPublic, role);
  const c = await links.fingerprint(creator.ikPublic);
  /** @type {Meeting} */
  const base = { creator: c, lobby: true, pskVersion: 1, roles: [], heirs: [], revoked: [] };
  let full = withGrant(base, await given(creator, host, seats.HOST));
  full = withGrant(full, await given(host, cohost, seats.COHOST));
  full = withGrant(full, await given(creator, viewer, VIEWER));
  full = { ...full, lobby: false, heirs: [await given(host, heir, HEIR)], revoked: [random(32), random(32)] };
  const succeeded = withGrant(full, { ...full.heirs[0], role: seats.HOST });
  const circle = withGrant(
    withGrant(base, await given(cohost, host, seats.HOST)),
    await given(host, cohost, seats.HOST),
  );
  const [first, ...others] = full.roles;
  const forged = { ...full, roles: [{ ...first, signature: random(64) }, ...others] };
  const loose = withGrant(base, await given(viewer, viewer, seats.HOST));
  const all = [creator, ...people];
  return Promise.all([
    meetingVector(groupId, base, true, [creator, host]),
    meetingVector(groupId, full, true, all),
    meetingVector(groupId, succeeded, true, all),
    meetingVector(groupId, circle, false),
    meetingVector(groupId, forged, false),
    meetingVector(groupId, loose, false),
    meetingVector(groupId, { ...full, heirs: [full.heirs[0], full.heirs[0]] }, false),
  ]);
}

async function makeFrames() {
  const out = [];
  for (const [track, leaf] of [0, 1, 700, 1023].entries()) {
    const base = random(16);
    const epoch = track * 1000;
    const key = await deriveKey(BigInt((track << 20) | (leaf << 10) | (epoch % 1024)), base);
    let counter = 0;
    for (const codec of /** @type {const} */ (['opus', 'vp8', 'vp9', 'av1'])) {
      for (const isKey of [true, false]) {
        const frame = random(60);
        frame[0] = isKey ? frame[0] & ~1 : frame[0] | 1;
        const wire = await sealFrame(key, BigInt(counter), codec, isKey, frame);
        const vector = { base_key: hex(base), track, leaf, epoch, codec, key_frame: isKey, counter };
        out.push({ ...vector, frame: hex(frame), wire: hex(wire) });
        counter++;
      }
    }
  }
  return out;
}

/** @param {Bytes} groupId @param {LinkSecrets} secrets of the first link */
async function makePrivate(groupId, secrets) {
  const out = [];
  for (const [i, text] of ['hello', 'žluťoučký kůň\n🐎', '{}'].entries()) {
    const [from, to] = [await identity(), await identity()];
    const [raw, key, epoch, counter] = [random(32), random(16), 70 * i, i + 1];
    const under = { groupId, epoch: BigInt(epoch), key, hpke: secrets.hpke };
    const kind = text === '{}' ? 'app' : 'chat';
    const receiver = { ik: to.ikPublic, encryptionKey: (await pairFrom(raw)).publicKey };
    const data = await sealPrivate(under, from, receiver, { kind, counter, text });
    out.push({
      link: 0,
      group_id: hex(groupId),
      epoch,
      exporter_key: hex(key),
      from: hex(from.ikPublic),
      to: hex(to.ikPublic),
      leaf_private_key: hex(raw),
      data: hex(data),
      type: kind === 'app' ? 5 : 3,
      counter,
      text,
    });
  }
  return out;
}

/** @returns {Promise<object>} the whole file */
export async function makeVectors() {
  const creator = await identity();
  const groupId = random(16);
  const made = await makeLinks(creator);
  const entry = random(500);
  const [authenticator, a, b] = [random(32), (await identity()).ikPublic, (await identity()).ikPublic];
  return {
    comment:
      'Vectors of docs/e2ee.md, made by static/js/e2ee (MAKE_VECTORS=1 node --test tests/unit/e2ee/vectors.test.js).',
    links: made.map(({ vector }) => vector),
    names: await makeNames(made),
    proofs: await makeProofs(made),
    ...(await makeSigned(groupId)),
    meetings: await makeMeetings(groupId, creator),
    entries: [{ entry: hex(entry), hash: hex(await entryHash(entry)) }],
    keys: [],
    frames: await makeFrames(),
    private: await makePrivate(groupId, made[0].secrets),
    numbers: [
      {
        epoch_authenticator: hex(authenticator),
        group_id: hex(groupId),
        epoch: 1234,
        number: await safetyNumber(authenticator, groupId, 1234n),
      },
    ],
    pairs: [{ a: hex(a), b: hex(b), number: await pairNumber(a, b) }],
    texts: [],
  };
}
