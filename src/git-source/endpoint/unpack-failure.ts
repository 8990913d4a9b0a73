// Turns Git's words about a pack it refused, or had no room for, into what the author can do. Git names objects, not paths: the guards come after it.

const explanations: readonly { readonly pattern: RegExp; readonly line: string }[] = [
  {
    pattern: /hasDot(?:git|dot)?:/,
    line: 'A directory has an entry named ".", ".." or ".git" (or a disguise of it). Remove it from every pushed commit.',
  },
  {
    pattern: /fullPathname|emptyName|duplicateEntries|treeNotSorted|badFilemode|zeroPaddedFilemode|badTree/,
    line: 'A directory object is malformed; nodes could not prove that they serve it. Make the commit again with git itself.',
  },
  {
    pattern: /gitmodules/i,
    line: 'A .gitmodules file is refused. Submodules are not published: remove the file or add the content itself.',
  },
  {
    pattern: /exceeds maximum allowed size/,
    line: 'The push is larger than this server accepts. Push fewer commits at a time, or ask the operator to raise the limit.',
  },
  {
    // Git does not say why it could not make that directory.
    pattern: /No space left on device|Disk quota exceeded|unable to create temporary object directory/,
    line: 'push refused: the disk of the CCM is full or cannot be written [SPACE_INSUFFICIENT]. Tell its operator; push again when there is room.',
  },
  {
    pattern: /Read-only file system|Input\/output error/,
    line: 'push refused: the disk of the CCM failed [DISK_FAILED]. Tell its operator, who looks at the kernel log; then push again.',
  },
];

export function explainUnpackFailure(messages: string): readonly string[] {
  return explanations.filter(({ pattern }) => pattern.test(messages)).map(({ line }) => `treecast: ${line}`);
}
