/**
 * `node:zlib`, loaded with the first gzip or zstd body: most processes that could need it start without, and an
 * `import` would cost them some 7 ms.
 */
export function zlib(): typeof import('node:zlib') {
  return process.getBuiltinModule('node:zlib');
}
