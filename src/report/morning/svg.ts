import type { EChartsCoreOption } from 'echarts';
// The build in one file: every report would wait half a second for the 600 modules of the other.
import { init } from 'echarts/dist/echarts.esm.min';
import { escaped, Html } from './html.js';

/**
 * Colours by role. Each is a sentinel that becomes a CSS variable of the page, so that one plot is right in light and
 * in dark. The hues are those of Okabe and Ito, which people with any colour vision tell apart.
 */
export const INK = {
  text: '#010101',
  faint: '#010102',
  line: '#010103',
  good: '#010104',
  effect: '#010105',
  bad: '#010106',
  wait: '#010107',
  stop: '#010108',
  paper: '#010109',
} as const;

export const FONT = 'system-ui, sans-serif';

/** @param label what is seen, for those who do not see it */
export function svgOf(
  id: string,
  label: string,
  width: number,
  height: number,
  option: EChartsCoreOption,
): Html {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height });
  try {
    chart.setOption({
      animation: false,
      textStyle: { fontFamily: FONT, color: INK.text, fontSize: 12 },
      ...option,
    });
    return new Html(forPage(chart.renderToSVGString(), id, label));
  } finally {
    chart.dispose();
  }
}

/** Without styles and scripts of its own: the page allows none but its own. */
function forPage(source: string, id: string, label: string): string {
  let svg = source
    .replace(/<style\s*>[\s\S]*?<\/style>/g, '')
    .replace(/ (?:class|ecmeta_\w+|xmlns:xlink|baseProfile|version)="[^"]*"/g, '')
    .replace(/ style="([^"]*)"/g, (_, style: string) => attributesOf(style))
    .replace(/zr\d+-/g, `${id}-`)
    .replace(
      /<svg width="(\d+)" height="(\d+)"/,
      `<svg role="img" aria-label="${escaped(label)}" width="$1" height="$2"`,
    );
  for (const [role, colour] of Object.entries(INK)) svg = svg.replaceAll(colour, `var(--plot-${role})`);
  return svg;
}

const attributesOf = (style: string): string =>
  style
    .split(';')
    .map((rule) => rule.trim())
    .filter((rule) => rule !== '')
    .map((rule) => {
      const [name = '', value = ''] = rule.split(/:\s*/, 2);
      return ` ${name}="${value}"`;
    })
    .join('');
