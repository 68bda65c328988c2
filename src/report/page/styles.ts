/** The style sheet of a page: light, dark, on a phone and on paper. */
import { darkRules, fontStack, pageColours } from '../theme.ts';

/** All rules of a page. Content is 1144 pixels wide at most; nothing but a table's own box scrolls sideways. */
export function styles(): string {
  return `${pageColours()}
*{box-sizing:border-box}
body{margin:0 auto;padding:2.5rem 1.25rem 3rem;max-width:74rem;background:var(--ground);color:var(--ink);
font:16px/1.5 ${fontStack};-webkit-text-size-adjust:100%;overflow-wrap:break-word}
h1{font-size:1.9rem;line-height:1.15;margin:0 0 .5rem;letter-spacing:-.01em}
h2{font-size:1.25rem;line-height:1.25;margin:0 0 .25rem}
h3{font-size:1rem;line-height:1.3;margin:0;font-weight:600}
h4{font-size:.9rem;margin:0 0 .25rem;font-weight:600}
p{margin:0 0 .5rem}
.lead{font-size:1.1rem;max-width:46rem}
.intro{max-width:46rem;color:var(--muted)}
.note,figcaption p,footer,details{font-size:.82rem;line-height:1.45;color:var(--muted)}
.figures{display:flex;flex-wrap:wrap;gap:.75rem 2.25rem;margin:1.25rem 0 0}
.figures dt{font-size:.82rem;color:var(--muted)}
.figures dd{margin:0;font-size:1.45rem;line-height:1.2;font-variant-numeric:tabular-nums}
section,footer{border-top:1px solid var(--rule);margin-top:2.25rem;padding-top:1.1rem}
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,20.5rem),1fr));gap:2rem 2.25rem;margin-top:1.1rem}
figure{margin:0;min-width:0;display:grid;grid-template-rows:subgrid;grid-row:span 3;row-gap:0;align-content:start}
figcaption p{margin:.2rem 0 .6rem}
figure>svg{display:block;width:100%;height:auto;max-width:30rem}
details{margin-top:.5rem}
summary{cursor:pointer;width:max-content;max-width:100%}
summary:focus-visible,.scroll:focus-visible,button:focus-visible,select:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
.scroll{overflow:auto;max-height:20rem}
.block{margin-top:1.4rem}
.block>.scroll,.block>details>.scroll{max-height:none;margin:.5rem 0}
table{border-collapse:collapse;font-size:.85rem;font-variant-numeric:tabular-nums;color:var(--ink)}
details table{font-size:.78rem}
th,td{text-align:left;padding:.25rem 1.1rem .25rem 0;border-bottom:1px solid var(--rule);vertical-align:top;white-space:pre}
td:first-child{white-space:pre-line;overflow-wrap:anywhere;min-width:7.5rem;max-width:20rem}
th{font-weight:600;color:var(--muted);position:sticky;top:0;background:var(--ground)}
th button{font:inherit;color:inherit;background:none;border:0;padding:0;cursor:pointer;text-align:inherit;white-space:inherit}
th[aria-sort=descending] button::after{content:" ↓"}
th[aria-sort=ascending] button::after{content:" ↑"}
.n{text-align:right}
.text ol{margin:0;padding-left:1.6rem;font-size:.85rem}
.text li{margin-bottom:.35rem}
.text small{display:block;font-size:.78rem;color:var(--muted)}
.text .hit{font-weight:600}
.choose{display:block;margin-top:1rem;font-size:.9rem}
.choose select{font:inherit;max-width:100%;color:var(--ink);background:var(--ground);border:1px solid var(--muted);border-radius:4px;padding:.15rem .4rem}
.tip{position:fixed;z-index:1;max-width:20rem;padding:.3rem .5rem;border-radius:4px;background:var(--ink);color:var(--ground);font-size:.8rem;pointer-events:none}
code{font-size:.92em;overflow-wrap:anywhere}
footer ul{margin:0 0 .5rem;padding-left:1.1rem}
footer li,footer p{overflow-wrap:anywhere}
footer h2{font-size:1rem;color:var(--ink)}
@media screen and (max-width:40rem){th,td{padding-right:.7rem}table{font-size:.8rem}}
${darkRules('figure svg')}
@media print{${printRules}}`;
}

/** On paper nothing scrolls: tables wrap their cells; no heading stands alone at the foot of a page. */
const printRules = `body{max-width:none;padding:0;font-size:10pt}
h1,h2,h3,h4,figcaption,.intro{break-after:avoid}
figure,tr,.text,.figures{break-inside:avoid}
details:not([open]),.choose,.tip{display:none}
thead{display:table-header-group}
.scroll{max-height:none;overflow:visible}
table{font-size:7.5pt;width:100%}
th,td{padding-right:.5rem;white-space:pre-line;position:static}
td:first-child{min-width:0}
.grid{grid-template-columns:repeat(2,1fr);gap:1.2rem 1.5rem}
figure{display:block}`;
