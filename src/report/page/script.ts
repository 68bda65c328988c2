/** The one script of a page: tooltips, sorting, choosing a user. The page says everything without it. */
import { createHash } from 'node:crypto';

/** Runs in the browser, from the head; no request, no text of the data becomes markup. */
export const pageScript = `addEventListener('DOMContentLoaded',()=>{
const number=(text)=>{const found=/[-−]?[\\d.,]+/.exec(text);return found?Number(found[0].replace('−','-').replaceAll(',','')):NaN};
for(const table of document.querySelectorAll('table')){
 const body=table.tBodies[0];
 if(body.rows.length<3)continue;
 [...table.tHead.rows[0].cells].forEach((head,column)=>{
  const button=document.createElement('button');
  button.type='button';button.textContent=head.textContent;button.title='Sort by this column';
  head.replaceChildren(button);
  button.addEventListener('click',()=>{
   const down=head.getAttribute('aria-sort')!=='descending';
   for(const other of table.tHead.rows[0].cells)other.removeAttribute('aria-sort');
   head.setAttribute('aria-sort',down?'descending':'ascending');
   const text=(row)=>row.cells[column].textContent.trim();
   const order=(a,b)=>{
    if(text(a)===''||text(b)==='')return Number(text(a)==='')-Number(text(b)==='');
    const [x,y]=column===0?[NaN,NaN]:[number(text(a)),number(text(b))];
    const compared=Number.isNaN(x)||Number.isNaN(y)?text(b).localeCompare(text(a)):x-y;
    return down?-compared:compared;
   };
   body.append(...[...body.rows].sort(order));
  });
 });
}
const tip=document.createElement('div');
tip.className='tip';tip.hidden=true;document.body.append(tip);
document.addEventListener('pointermove',(event)=>{
 const mark=event.target instanceof Element?event.target.closest('figure svg [data-tip]'):null;
 tip.hidden=mark===null;
 if(mark===null)return;
 tip.textContent=mark.getAttribute('data-tip');
 const left=Math.min(event.clientX+12,innerWidth-tip.offsetWidth-8);
 tip.style.left=Math.max(8,left)+'px';
 tip.style.top=(event.clientY+16)+'px';
});
const users=[...document.querySelectorAll('.example')];
if(users.length>1){
 const label=document.createElement('label'),select=document.createElement('select');
 label.className='choose';label.append('Show ',select);
 for(const [n,user] of users.entries())select.append(new Option(user.querySelector('h3').textContent,String(n)));
 select.prepend(new Option('all of them','all',true,true));
 select.addEventListener('change',()=>users.forEach((user,n)=>{user.hidden=select.value!=='all'&&select.value!==String(n)}));
 users[0].before(label);
}
});`;

/** The page's content policy: no request, and no script but this one. */
export const contentPolicy =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; " +
  `script-src 'sha256-${createHash('sha256').update(pageScript).digest('base64')}'`;
