// Names that look the same are the same name (UTS #39, skeletons). Covered: compatibility forms (full width, styled
// letters, ligatures), case, Latin letters and digits that look alike, and the letters of Cyrillic, Greek and Armenian that
// look like Latin ones, small or capital. Not covered: other scripts, and letters that look alike within those.
// Accents count: they can be seen.

/** What each is taken for; small letters, after case is folded. */
const LIKE = new Map(
  Object.entries({
    a: 'аαɑ',
    b: 'вβЬь',
    c: 'сϲ',
    d: 'ԁ',
    e: 'еεҽ',
    g: 'ɡց',
    h: 'нηһհ',
    j: 'јϳ',
    k: 'кκ',
    l: 'i1|ıіιӏǀ!',
    m: 'мμ',
    n: 'ոռ',
    o: '0оοօσ',
    p: 'рρ',
    q: 'ԛզ',
    s: 'ѕ',
    t: 'тτ',
    u: 'սʋ',
    v: 'νѵ',
    w: 'ԝѡω',
    x: 'хχ',
    y: 'уγүυ',
    z: 'ζ',
  }).flatMap(([letter, others]) => [...others].map((o) => /** @type {const} */ ([o, letter]))),
);

/** @param {string} name @returns {string} the same for names that look the same */
export function fold(name) {
  const letters = [...name.normalize('NFKC').replace(/Ν/g, 'n').toLowerCase()].map((c) => LIKE.get(c) ?? c);
  return letters.join('').replace(/\s+/g, ' ').trim().replace(/rn/g, 'm').replace(/vv/g, 'w').normalize('NFC');
}
