import type * as product from '../src/index.js';

/** The product as it is built: what runs here is what users get. */
type Product = typeof product;

export async function loadProduct(): Promise<Product> {
  // Node 20 can fail to link a library that is first imported in a busy moment, while sources are compiled by a hook.
  await import('@google/genai');
  const built = new URL('../dist/index.js', import.meta.url);
  return (await import(built.href)) as Product;
}
