// Which file names promise content that is compressed already, so that no time is spent on compressing it again.
// A promise only: content that is not named here is tried on a sample (encode-file.ts).

const compressed = new Set(
  (
    '7z aac apk avif br bz2 deb docx epub flac gif gz heic heif jar jfif jpeg jpg jxl lz4 lzma m4a m4v mkv mov mp3 mp4 mpeg mpg ' +
    'odp ods odt oga ogg ogv opus png pptx rar rpm tbz tgz txz webm webp whl woff woff2 xlsx xpi xz zip zst'
  ).split(' '),
);

export function isCompressedType(path: string): boolean {
  const dot = path.lastIndexOf('.');
  return dot >= 0 && compressed.has(path.slice(dot + 1).toLowerCase());
}
