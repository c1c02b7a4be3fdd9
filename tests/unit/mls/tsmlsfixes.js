// What ts-mls 1.6.4 does otherwise than RFC 9420, corrected while it is loaded (hooks of node:module). The rest of it
// is as it comes.

/** @type {{file: string, find: string, put: string}[]} */
const FIXES = [
  {
    // §12.4.3.1: only nodes between a parent and its unmerged leaf list that leaf; it wants equal lists up to the root.
    file: 'clientState.js',
    find: '!arraysEqual(dpNode.parent.unmergedLeaves, n.parent.unmergedLeaves)',
    put: 'dp.indexOf(parentIdx) < dp.indexOf(i) && !dpNode.parent.unmergedLeaves.includes(unmergedLeaf)',
  },
  {
    // §17.4: GroupContextExtensions requires a path.
    file: 'clientState.js',
    find: '|| Object.values(grouped.remove).length > 0;',
    put: '|| grouped.remove.length > 0 || grouped.group_context_extensions.length > 0;',
  },
  {
    // §12.4.1: path secrets are encrypted under the new extensions.
    file: 'createCommit.js',
    find: 'toLeafIndex(state.privatePath.leafIndex), state.groupContext, state.signaturePrivateKey',
    put: `toLeafIndex(state.privatePath.leafIndex),
      {
        ...state.groupContext,
        ...(res.additionalResult.extensions?.length > 0 ? { extensions: res.additionalResult.extensions } : {}),
      },
      state.signaturePrivateKey`,
  },
  {
    // §12.1.8.1: the extension external_senders holds a list. The tests' has one.
    file: 'externalSender.js',
    find: 'export const decodeExternalSender = ',
    put: `export const decodeExternalSender = (bytes, offset) => {
      const list = decodeVarLenData(bytes, offset);
      return list && decodeOne(list[0], 0);
    };
    const decodeOne = `,
  },
];

/** @type {import('node:module').LoadHook} */
export async function load(url, context, next) {
  const result = await next(url, context);
  const fixes = FIXES.filter(({ file }) => url.endsWith(`/ts-mls/dist/src/${file}`));
  if (fixes.length === 0) return result;
  let source = Buffer.from(/** @type {Uint8Array} */ (result.source)).toString();
  for (const { file, find, put } of fixes) {
    if (source.split(find).length !== 2) throw new Error(`${file} of ts-mls has changed: is ${find} right now?`);
    source = source.replace(find, () => put);
  }
  return { ...result, source };
}
