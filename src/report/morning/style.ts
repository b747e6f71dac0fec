/** The page's only style; its policy names it by hash, so no other is obeyed. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --paper: #ffffff; --card: #f6f7f9; --ink: #16191d; --faint: #565d66; --line: #d5d9df; --link: #0a58a8;
  --good: #0b6e4f; --open: #0a58a8; --bad: #a33c00;
  --plot-text: #16191d; --plot-faint: #565d66; --plot-line: #dfe3e8; --plot-paper: #ffffff;
  --plot-good: #0072b2; --plot-effect: #009e73; --plot-bad: #d55e00; --plot-wait: #6b727b; --plot-stop: #e9dcb8;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --paper: #14171b; --card: #1d2126; --ink: #e9ecef; --faint: #a7aeb8; --line: #363c44; --link: #7db8f5;
    --good: #4cc79c; --open: #7db8f5; --bad: #ff9d5c;
    --plot-text: #e9ecef; --plot-faint: #a7aeb8; --plot-line: #2f353c; --plot-paper: #14171b;
    --plot-good: #56b4e9; --plot-effect: #2fc99a; --plot-bad: #ff8a3d; --plot-wait: #98a0aa; --plot-stop: #4a4227;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main, header, footer { max-width: 66rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 1.75rem; }
h1 { font-size: 1.05rem; font-weight: 600; margin: 0; color: var(--faint); }
h2 { font-size: 1.25rem; margin: 2.25rem 0 .35rem; }
h3 { font-size: 1rem; margin: 0 0 .2rem; }
p { margin: .3rem 0 .7rem; max-width: 48rem; }
.headline { font-size: 1.65rem; font-weight: 650; line-height: 1.25; margin: .5rem 0 .35rem; max-width: none; }
.good { color: var(--good); } .open { color: var(--open); } .bad { color: var(--bad); }
.faint { color: var(--faint); }
a { color: var(--link); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.4rem, 1fr)); gap: .6rem; margin: 1.1rem 0 0; padding: 0; }
.tiles div { background: var(--card); border-radius: .4rem; padding: .6rem .8rem; }
.tiles dt { color: var(--faint); font-size: .85rem; }
.tiles dd { margin: 0; font-size: 1.2rem; font-weight: 600; overflow-wrap: anywhere; }
.tiles dd small { display: block; font-size: .82rem; font-weight: 400; color: var(--faint); line-height: 1.35; }
.decision { background: var(--card); border-left: .3rem solid var(--bad); border-radius: .3rem; padding: .8rem 1rem; margin: .7rem 0; }
.decision ul { margin: .5rem 0 0; padding-left: 1.1rem; }
.decision li { margin: .35rem 0; overflow-wrap: anywhere; }
.commands { margin: .4rem 0 0; padding: 0; list-style: none; }
.commands li, .decision .commands li { margin: .25rem 0; }
code { font: .88rem/1.45 ui-monospace, monospace; background: var(--paper); border: 1px solid var(--line); border-radius: .25rem; padding: .12rem .4rem; overflow-wrap: anywhere; user-select: all; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { text-align: left; padding: .32rem .8rem .32rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { font-weight: 600; color: var(--faint); white-space: nowrap; }
td { overflow-wrap: anywhere; min-width: 4.5rem; }
td.wide { min-width: 14rem; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.when { white-space: nowrap; font-variant-numeric: tabular-nums; }
details { margin: .5rem 0; }
summary { cursor: pointer; color: var(--link); padding: .15rem 0; }
figure { margin: .6rem 0 .3rem; }
figcaption { font-weight: 600; margin-bottom: .3rem; }
svg { display: block; max-width: 100%; height: auto; }
.phone { display: none; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(27rem, 100%), 1fr)); gap: .5rem 2rem; }
.key { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; list-style: none; margin: .3rem 0 0; padding: 0; font-size: .88rem; color: var(--faint); }
.key svg { display: inline-block; vertical-align: middle; margin-right: .4rem; }
footer { color: var(--faint); font-size: .88rem; padding-bottom: 2.5rem; margin-top: 2.5rem; }
@media (max-width: 46rem) {
  .headline { font-size: 1.35rem; }
  figure .scroll svg { min-width: 36rem; max-width: none; }
  .plain-wide svg { min-width: 44rem; }
}
@media screen and (max-width: 46rem) {
  .desk { display: none; }
  .phone { display: block; }
  figure .scroll .phone svg { min-width: 0; max-width: 100%; }
  .stacks table, .stacks tbody, .stacks tr, .stacks td { display: block; }
  .stacks thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .stacks tr { border-bottom: 1px solid var(--line); padding: .45rem 0; }
  .stacks td, .stacks td.number, .stacks td.when { border: 0; padding: .1rem 0; min-width: 0; text-align: left; white-space: normal; }
  .stacks td:not(:first-child)::before { content: attr(data-title) ": "; color: var(--faint); font-size: .88rem; }
  .stacks td:first-child { font-weight: 600; }
  .stacks td:empty { display: none; }
}
@media print {
  :root { color-scheme: light; }
  body { font-size: 10.5pt; }
  h1, h2, h3, h2 + p, .stops, figcaption, thead { break-after: avoid; }
  .decision, tr, figure .scroll:has(> svg) { break-inside: avoid; }
  .pair { display: block; }
  td { overflow-wrap: break-word; }
  .scroll { overflow: visible; }
  figure .scroll svg { min-width: 0; max-width: 100%; }
  details:not(.long)::details-content { content-visibility: visible; display: block; height: auto; }
  details.long summary { color: var(--faint); }
  figure details.long { display: none; }
}
`;
