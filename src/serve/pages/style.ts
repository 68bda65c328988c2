/** The style sheet: that of the other pages, with forms, cards and offers. */
import { styles } from '../../report/page/styles.ts';

export function serveStyles(): string {
  return `${styles()}
body{padding-top:1rem}
nav{display:flex;gap:1.25rem;align-items:baseline;padding-bottom:.6rem;border-bottom:1px solid var(--rule);margin-bottom:1.25rem}
a{color:var(--accent)}
.brand{font-weight:600;margin-right:auto}
nav [aria-current]{color:var(--ink);font-weight:600;text-decoration:none}
.skip{position:absolute;left:-99rem}
.skip:focus{position:static}
.hidden,.status{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
main:focus{outline:none}
main h2{margin-top:1.6rem}
.bar{display:flex;flex-wrap:wrap;gap:.6rem 1rem;align-items:end;margin:.8rem 0}
label{font-size:.82rem;color:var(--muted);display:grid;gap:.15rem}
input,select,button{font:inherit;font-size:.9rem;color:var(--ink);background:var(--ground);border:1px solid var(--muted);border-radius:4px;padding:.25rem .5rem;min-height:2rem;max-width:100%}
input[type=number]{width:5.5rem}
input[type=search]{width:16rem}
button{cursor:pointer}
button:hover{border-color:var(--accent);color:var(--accent)}
th button{min-height:0;border:0;padding:0}
input[type=checkbox]{min-height:0;width:1.1rem;height:1.1rem;margin:0}
a:focus-visible,input:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
.links{display:flex;gap:1rem;font-size:.9rem;padding-bottom:.3rem}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,16.5rem),1fr));gap:1.5rem 2rem;margin-top:.8rem}
.card{border-top:1px solid var(--rule);margin:0;padding-top:.7rem;min-width:0}
.card ol{margin:0;padding-left:1.7rem;font-size:.88rem}
.card li{margin-bottom:.45rem;overflow-wrap:anywhere}
.card small{display:block;font-size:.78rem;color:var(--muted)}
.hit{font-weight:600}
.tag{font-size:.72rem;font-weight:600;color:var(--accent);border:1px solid var(--accent);border-radius:3px;padding:0 .25rem}
.offers{list-style:none;margin:.4rem 0;padding:0;font-size:.9rem}
.offers li{display:flex;flex-wrap:wrap;gap:.3rem 1rem;justify-content:space-between;align-items:center;border-bottom:1px solid var(--rule);padding:.35rem 0;max-width:46rem}
.offers small{color:var(--muted);font-size:.78rem}
.stars{display:flex;gap:.3rem}
.stars button{min-width:2.2rem}
.stars [aria-pressed=true]{background:var(--accent);color:var(--ground);border-color:var(--accent)}
td:first-child{min-width:0}
td,th{padding-right:1rem}
.ratings td{white-space:normal}
th[aria-sort=descending] a::after{content:" ↓"}
th[aria-sort=ascending] a::after{content:" ↑"}
th a{color:inherit}
main h3{margin-top:1rem}
.card h3{margin-top:0}
main>.scroll,main form>.scroll{max-height:none}
td.n,th.n{white-space:nowrap}
`;
}
