"""What the page of the smoke test adds to the common style, and the script that saves a figure as an image."""

from __future__ import annotations

# Images are made in the page itself, from its own drawings: nothing is fetched.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data: blob:"
FIGURES = """
:root{--one:#0b57d0;--two:#b3261e;--three:#7a5900;--band:#b9d3ff;--grid:#e3e7ec}
@media(prefers-color-scheme:dark){:root{--one:#8ab4f8;--two:#ffb4ab;--three:#e3c46c;--band:#24416e;--grid:#262c34}}
.pill{display:inline-block;border:2px solid;border-radius:999px;padding:0 .7rem;margin-right:.4rem;font-size:.85em}
.pass,.PASS{color:var(--good)}.fail,.FAIL,.ERROR,.TIMEOUT{color:var(--bad)}.not-verified,.WARN{color:var(--warn)}
.SKIP,.absent{color:var(--soft)}td.PASS,td.FAIL,td.WARN,td.ERROR,td.TIMEOUT,.tally{font-weight:600}
.tally span{margin-right:1rem;white-space:nowrap}
.figures{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,22rem),1fr));gap:1rem;margin:0 0 1rem}
figure{margin:0;background:var(--card);border:1px solid var(--line);border-radius:8px;padding:1rem;min-width:0}
figure.wide{grid-column:1/-1}figcaption{display:flex;justify-content:space-between;align-items:start;gap:.5rem}
figure p{margin:.5rem 0 0;font-size:.9rem}h3{font-size:.9rem;margin:0;font-weight:400;color:var(--soft)}
svg{display:block;width:100%;height:auto}svg text{font:12px system-ui,sans-serif;fill:var(--soft)}
.end{text-anchor:end}.mid{text-anchor:middle}.grid{stroke:var(--grid)}
.mark{stroke:var(--soft);stroke-dasharray:4 3}.gate{stroke:var(--bad);stroke-width:3}
polyline{fill:none;stroke-width:2;stroke-linejoin:round}.one{stroke:var(--one)}.two{stroke:var(--two)}
.three{stroke:var(--three)}.golden{stroke:var(--band);stroke-width:9;stroke-linecap:round}
.dot{fill:var(--one);fill-opacity:.75}.dot.bad{fill:var(--bad)}.span{fill:var(--band);fill-opacity:.35}
.legend{margin:0 0 .3rem;font-size:.9rem}.key{margin-right:1rem}.key::before{content:"";display:inline-block;width:1rem;
border-top:3px solid;vertical-align:middle;margin-right:.35rem}.key.one::before{border-color:var(--one)}
.key.two::before{border-color:var(--two)}.key.three::before{border-color:var(--three)}
.strips{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,18rem),1fr));gap:.5rem 1rem}
dl.rates{display:block;background:none;border:0;padding:0;margin:0}.rates dt{font-size:.9rem;margin-top:.5rem}
.rates dd{font-variant-numeric:tabular-nums}
.rate{display:block;position:relative;height:.8rem;background:var(--grid);border-radius:4px;margin:.2rem 0}
.rate i{position:absolute;top:0;bottom:0}.reached{left:0;background:var(--one);border-radius:4px}
.reference{width:3px;background:var(--ink)}.saved{width:4px;border:1px solid var(--ink);background:var(--bg)}
.checks>tbody>tr>td:first-child{width:5.5rem}.checks th[scope=row]{font-weight:400;white-space:nowrap}
.n{font-variant-numeric:tabular-nums;white-space:nowrap}.wide-table{overflow-x:auto}details{margin:0}
.wide-table th,.wide-table td,.checks th{overflow-wrap:normal;white-space:nowrap}figcaption button{flex:none}
figure{align-self:start}
summary{padding:0}details table{font-size:.85rem;margin:.3rem 0}
.matrix td{text-align:center;padding:.1rem}.matrix th[scope=row]{font-weight:400;white-space:nowrap;font-size:.85rem}
.matrix th span{writing-mode:vertical-rl;transform:rotate(180deg);font-weight:400;font-size:.85rem}
.matrix th[scope=col]{vertical-align:bottom;padding:.2rem .1rem}.matrix th:first-child{text-align:left}
@media(max-width:40rem){.checks>tbody>tr{display:grid;grid-template-columns:4.5rem 1fr;
border-bottom:1px solid var(--line);padding:.3rem 0}.checks>tbody>tr>*{border:0;padding:0}
.checks>tbody>tr>td:last-child{grid-column:2}.checks>tbody>tr:first-child{display:none}
details table td{display:block;border:0;padding:0 .2rem}
details table tr{display:block;border-bottom:1px solid var(--line);padding:.2rem 0}}
@media print{button{display:none}figure,section{break-inside:avoid}}
"""
# A drawing outside of its page has none of the page's style: each part takes its own along. Twice the size, for slides.
SCRIPT = """
(function(){var kept=['fill','fill-opacity','stroke','stroke-width','stroke-dasharray','stroke-linecap','font-size',
'font-family','text-anchor'];
function dressed(svg){var copy=svg.cloneNode(true),from=svg.querySelectorAll('*'),to=copy.querySelectorAll('*');
for(var i=0;i<from.length;i++){var look=getComputedStyle(from[i]);kept.forEach(function(k){
to[i].style.setProperty(k,look.getPropertyValue(k))})}
var box=svg.viewBox.baseVal;copy.setAttribute('width',box.width*2);copy.setAttribute('height',box.height*2);return copy}
function saved(figure,done){var drawings=[].slice.call(figure.querySelectorAll('svg')),left=drawings.length,
canvas=document.createElement('canvas'),pen=canvas.getContext('2d'),high=0,
boxes=drawings.map(function(d){var b=d.viewBox.baseVal,at=high;high+=b.height*2+32;return{at:at,b:b}});
canvas.width=boxes[0].b.width*2+48;canvas.height=high+72;
pen.fillStyle=getComputedStyle(figure).backgroundColor;pen.fillRect(0,0,canvas.width,canvas.height);
pen.fillStyle=getComputedStyle(figure).color;pen.font='bold 30px system-ui,sans-serif';
pen.fillText(figure.querySelector('h2').textContent,24,48);
drawings.forEach(function(d,i){var image=new Image();image.onload=function(){pen.drawImage(image,24,boxes[i].at+72);
if(!--left)done(canvas.toDataURL('image/png'))};
image.src='data:image/svg+xml;charset=utf-8,'+encodeURIComponent(new XMLSerializer().serializeToString(dressed(d)))})}
[].slice.call(document.querySelectorAll('button[data-png]')).forEach(function(b){b.setAttribute('aria-label',
'Save as PNG: '+b.parentNode.querySelector('h2').textContent);b.addEventListener('click',function(){
var figure=b.parentNode.parentNode;saved(figure,function(url){var a=document.createElement('a');a.href=url;
a.download='envsetup '+figure.querySelector('h2').textContent+'.png';b.dataset.made=url.length;a.click()})})})})();
"""
