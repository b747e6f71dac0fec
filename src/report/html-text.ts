const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text made harmless in HTML, in elements and in quoted attributes. */
export const htmlText = (text: string): string => text.replace(/[&<>"']/g, (char) => ENTITIES[char] ?? char);
