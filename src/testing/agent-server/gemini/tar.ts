import type { OutFile } from '../agent/outputs.js';

const BLOCK = 512;

/** An uncompressed tar (ustar) of these files, which is what the download of a directory gives. */
export function tarOf(files: readonly (OutFile & { readonly at: number })[]): Buffer {
  const parts = files.flatMap(({ path, bytes, at }) => [
    header(path, bytes.length, at),
    bytes,
    Buffer.alloc((BLOCK - (bytes.length % BLOCK)) % BLOCK),
  ]);
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]);
}

/** Names above 100 bytes are cut: our agent writes none. */
function header(path: string, size: number, at: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, length: number): string => value.toString(8).padStart(length - 1, '0');
  block.write(path, 0, 100);
  block.write(octal(0o644, 8), 100);
  block.write(octal(0, 8), 108);
  block.write(octal(0, 8), 116);
  block.write(octal(size, 12), 124);
  block.write(octal(Math.floor(at / 1000), 12), 136);
  block.write(' '.repeat(8), 148); // the checksum counts itself as blanks
  block.write('0', 156);
  block.write('ustar\x0000', 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${octal(sum, 7)}\0 `, 148);
  return block;
}
