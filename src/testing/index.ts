/** `nightshift/testing`: what an adapter of your own is proved with, and services to try things against. */
export * from './conformance/index.js';
export * from './provider-conformance/index.js';
export { startFakeDestinations } from './fake-destinations/index.js';
export * from './agent-server/index.js';
