import { BlockList, isIPv4, isIPv6 } from 'node:net';

/**
 * Everything that is no address of a public server: this host, private and shared networks, link-local (where clouds
 * keep their metadata), documentation, benchmarks, multicast, reserved.
 * Source: IANA IPv4 and IPv6 Special-Purpose Address Registries; 168.63.129.16 is the host of Azure's metadata.
 */
const SPECIAL = new BlockList();
for (const range of [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '168.63.129.16/32',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
]) {
  const [network = '', bits] = range.split('/');
  SPECIAL.addSubnet(network, Number(bits), 'ipv4');
}
// Inside the global range: Teredo and other protocols, documentation, and 6to4, which wraps an IPv4 address.
for (const [network, bits] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const) {
  SPECIAL.addSubnet(network, bits, 'ipv6');
}

/** Addresses are handed out from 2000::/3 alone; mapped, local, translated and multicast ones all lie outside. */
const GLOBAL6 = new BlockList();
GLOBAL6.addSubnet('2000::', 3, 'ipv6');

/** True for an address of the public internet. What is no address is not public. */
export function isPublicAddress(address: string): boolean {
  if (isIPv4(address)) return !SPECIAL.check(address, 'ipv4');
  return isIPv6(address) && GLOBAL6.check(address, 'ipv6') && !SPECIAL.check(address, 'ipv6');
}
