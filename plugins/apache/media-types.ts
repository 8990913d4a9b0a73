// The types of what has precompressed twins. A twin's name ends in .gz or .br, which says nothing of what it holds; so these are named,
// for the file and for its twin alike.

export const mediaTypes: ReadonlyMap<string, readonly string[]> = new Map([
  ['text/html', ['html', 'htm']],
  ['text/css', ['css']],
  ['text/javascript', ['js', 'mjs']],
  ['application/json', ['json', 'map']],
  ['application/manifest+json', ['webmanifest']],
  ['image/svg+xml', ['svg']],
  ['application/xml', ['xml']],
  ['application/rss+xml', ['rss']],
  ['application/atom+xml', ['atom']],
  ['text/plain', ['txt']],
  ['text/markdown', ['md']],
  ['text/csv', ['csv']],
  ['application/wasm', ['wasm']],
  ['image/vnd.microsoft.icon', ['ico']],
  ['font/ttf', ['ttf']],
  ['font/otf', ['otf']],
  ['application/vnd.ms-fontobject', ['eot']],
]);

export const twinEncodings = [
  { encoding: 'br', policy: 'br', suffix: '.br' },
  { encoding: 'zstd', policy: 'zstd', suffix: '.zst' },
  { encoding: 'gzip', policy: 'gzip', suffix: '.gz' },
] as const;

/** Accepts the encoding by name, with any quality but 0. */
export function acceptsPattern(encoding: string): string {
  return `(?:^|,)[ \\t]*${encoding}[ \\t]*(?:$|,|;(?![ \\t]*q=0(?:\\.0*)?[ \\t]*(?:$|,)))`;
}
