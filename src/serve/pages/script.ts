/** The script of the pages: what is typed or clicked changes the page in place. Everything works without it. */

/** Runs in the browser. Answers are this server's own pages; text of the data never becomes markup here. */
export const serveScript = `addEventListener('DOMContentLoaded',()=>{
let latest=0,timer;
const status=document.querySelector('.status');
const show=async(address,keep)=>{
 const own=++latest;
 clearTimeout(timer);
 const answer=await fetch(address,{headers:{accept:'text/html'}}).catch(()=>undefined);
 if(own!==latest)return;
 if(answer===undefined){status.textContent='The server does not answer.';return}
 const page=new DOMParser().parseFromString(await answer.text(),'text/html');
 if(own!==latest)return;
 const active=document.activeElement;
 const {id,value}=active;
 const caret=keep&&'selectionStart' in active?active.selectionStart:null;
 const open=[...document.querySelectorAll('details')].map((own)=>own.open);
 document.title=page.title;
 document.querySelector('main').replaceWith(page.querySelector('main'));
 document.querySelectorAll('details').forEach((own,n)=>{own.open=open[n]===true});
 const place=keep?answer.url:undefined;
 if(place===undefined||place!==location.href)history[keep?'replaceState':'pushState']({},'',answer.url);
 const same=id&&document.getElementById(id);
 if(same){
  if(keep)same.value=value;
  same.focus();
  if(caret!==null&&same.type!=='number')same.setSelectionRange(caret,caret);
 }else document.getElementById('main').focus({preventScroll:true});
 status.textContent='Updated.';
};
const addressOf=(form,button)=>{
 const data=new URLSearchParams();
 for(const [name,value] of new FormData(form,button))if(value!=='')data.append(name,value);
 return form.getAttribute('action')+'?'+data;
};
document.addEventListener('submit',(event)=>{
 if(!event.target.matches('[data-live]'))return;
 event.preventDefault();
 void show(addressOf(event.target,event.submitter),false);
});
document.addEventListener('change',(event)=>{
 const form=event.target.closest('[data-live]');
 if(form&&!event.target.matches('[data-typed],[type=checkbox]'))void show(addressOf(form),false);
});
document.addEventListener('input',(event)=>{
 if(!event.target.matches('[data-typed]'))return;
 clearTimeout(timer);
 timer=setTimeout(()=>void show(addressOf(event.target.form),true),200);
});
document.addEventListener('click',(event)=>{
 const link=event.target.closest('main th a,main .links a');
 if(!link||event.ctrlKey||event.metaKey||event.shiftKey||event.button!==0)return;
 event.preventDefault();
 void show(link.href,false);
});
addEventListener('popstate',()=>void show(location.href,true));
});`;
