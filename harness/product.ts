import type * as product from '../src/index.js';

/** The product as it is built: what runs here is what users get. */
type Product = typeof product;

export async function loadProduct(): Promise<Product> {
  const built = new URL('../dist/index.js', import.meta.url);
  return (await import(built.href)) as Product;
}
