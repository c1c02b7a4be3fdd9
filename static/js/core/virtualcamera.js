// A hint only: the label is what the system says of a camera, and anyone can name a camera as they like.

/** Names of programs that make a camera of something else. */
const VIRTUAL = /\b(virtual|obs|manycam|xsplit|snap camera|droidcam|mmhmm|camtwist|v4l2|dummy|loopback|epoccam)\b/i;

/** @param {string} label of a camera @returns {boolean} whether it looks like a program's, not a device's */
export const looksVirtual = (label) => VIRTUAL.test(label);
