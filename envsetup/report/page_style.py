"""How the self-contained pages look and behave: one style, one script, and the policy that forbids the rest."""

from __future__ import annotations

POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
# Colours: --bad, --warn, --good and --open are for text and reach 4.5:1 on --bg and --card in both schemes.
STYLE = """
:root{color-scheme:light dark;--bg:#fff;--ink:#1b1f24;--soft:#57606a;--card:#f6f8fa;--line:#d0d7de;--bad:#b42318;
--warn:#8a5a00;--good:#116329;--open:#6639ba;--fill:#2da44e;--far:#aceebb;--wire:#8c959f;--board:#fff}
@media(prefers-color-scheme:dark){:root{--bg:#0d1117;--ink:#e6edf3;--soft:#9198a1;--card:#161b22;--line:#30363d;
--bad:#ff8a80;--warn:#e3b341;--good:#56d364;--open:#b392f0;--fill:#2ea043;--far:#1b4721;--wire:#6e7681;--board:#0d1117}}
*{box-sizing:border-box}body{margin:0 auto;padding:1rem;max-width:60rem;background:var(--bg);color:var(--ink);
font:16px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}h1{font-size:1.4rem;line-height:1.3;margin:.5rem 0 1rem}
h2{font-size:1.1rem;margin:0 0 .5rem}.ready{color:var(--good)}.degraded,.warning{color:var(--warn)}
.broken,.error,.critical{color:var(--bad)}.unknown{color:var(--open)}.info{color:var(--soft)}
article,dl,fieldset,.board{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:1rem;
margin:0 0 1rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1rem}dt{color:var(--soft)}dd{margin:0}
ul{padding-left:1.2rem;margin:.25rem 0}code,pre{font:.9em/1.5 ui-monospace,monospace}pre{white-space:pre-wrap;
background:var(--bg);border:1px solid var(--line);border-radius:6px;padding:.5rem;margin:.25rem 0}
button{font:inherit;font-size:.85rem;padding:.3rem .8rem;border:1px solid var(--soft);border-radius:6px;
background:var(--bg);color:var(--ink);cursor:pointer}:focus-visible{outline:3px solid var(--open);outline-offset:2px}
.way{display:flex;gap:.5rem;align-items:start}.way pre{flex:1;min-width:0;margin:0}.way+p{margin-top:1rem}
.soft{color:var(--soft)}label{margin-right:1rem}table{border-collapse:collapse;width:100%}
td,th{text-align:left;vertical-align:top;padding:.2rem .5rem;border-bottom:1px solid var(--line)}
summary{cursor:pointer;padding:.3rem 0}details{margin:0 0 1rem}
"""
# The page of the doctor alone: the chain of layers, the board with its GPUs, the scale of CUDA versions.
DRAWING = """
.pill{display:inline-block;border:2px solid;border-radius:999px;padding:0 .7rem;margin-right:.4rem;font-size:.85em}
article{border-left-width:5px}.critical-finding,.error-finding{border-left-color:var(--bad)}
.warning-finding{border-left-color:var(--warn)}
input[type=search]{font:inherit;width:100%;max-width:24rem;padding:.3rem .6rem;border:1px solid var(--soft);
border-radius:6px;background:var(--bg);color:var(--ink);margin-top:.5rem}
.chain,.gpus,.scale,.parts,.chips{list-style:none;padding:0;margin:0}
.chain{display:flex;margin:0 0 1rem}
.chain li{flex:1 1 0;min-width:0;border:1px solid var(--line);background:var(--card);
border-top:4px solid var(--line);padding:.4rem .7rem;border-radius:8px;position:relative}
.chain li+li{margin-left:1rem}.chain li+li::before{content:"";position:absolute;left:-1rem;width:1rem;top:50%;
border-top:2px solid var(--wire)}
.chain .good{border-top-color:var(--fill)}.chain .bad{border-top-color:var(--bad)}
.chain .warn{border-top-color:var(--warn)}.chain .open{border-top-style:dashed}
.chain strong,.chain span,.chain a{display:block}.chain strong{font-size:.85rem;color:var(--soft);font-weight:400}
.chain a,.chain .state{font-size:.85rem}
.good .state{color:var(--good)}.bad a{color:var(--bad)}.warn a{color:var(--warn)}
.open .state{color:var(--open)}
.parts{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem}.parts strong{font-weight:400;color:var(--soft)}
.gpus{display:grid;grid-template-columns:repeat(auto-fill,minmax(12rem,1fr));margin-top:1rem}
.gpus>li{display:flex;flex-direction:column;padding:0 .75rem .75rem 0;border-top:3px solid var(--wire)}
.bus{border-left:3px solid var(--wire);margin-left:1.2rem;padding:.4rem 0 .4rem .5rem;font-size:.85rem;
color:var(--soft)}
.gpu{flex:1;border:2px solid var(--wire);border-radius:8px;background:var(--board);padding:.5rem .7rem;font-size:.85rem}
.gpu.bad{border-color:var(--bad)}.gpu.warn{border-color:var(--warn)}.gpu.gone{border-style:dashed}
.gpu strong{display:block;font-size:.95rem}.gpu span,.gpu a{display:block}.gpu .bad,.gpu.bad a{color:var(--bad)}
.bus .warn,.gpu.warn a{color:var(--warn)}
.bar{height:.5rem;border-radius:4px;border:1px solid var(--wire);margin:.2rem 0;overflow:hidden}
.bar i{display:block;height:100%;background:var(--fill)}
.fabric{border:2px solid var(--wire);border-radius:8px;text-align:center;padding:.2rem;font-size:.85rem;
background:var(--board)}
.scale>li{padding:.35rem 0;border-bottom:1px solid var(--line)}.scale>li:last-child,.scale>.axis{border:0}
.scale .what{font-weight:600;margin-right:.6rem}.scale .bad{color:var(--bad)}
.track{display:block;position:relative;height:1rem;margin:.3rem .5rem}
.track::before{content:"";position:absolute;left:0;right:0;top:45%;border-top:1px solid var(--wire)}
.track i{position:absolute;top:.1rem;bottom:.1rem}.track .runs{left:0;background:var(--fill);border-radius:3px}
.track .near{background:var(--far);border-radius:0 3px 3px 0}
.track .at{width:.8rem;margin-left:-.4rem;background:var(--ink);border-radius:50%;border:2px solid var(--card)}
.track .at.bad{background:var(--bad);border-radius:0;transform:rotate(45deg)}
.ticks{position:relative;display:block;height:1.4rem;margin:0 .5rem;font-size:.75rem;color:var(--soft)}
.ticks i{position:absolute;font-style:normal;white-space:nowrap;transform:translateX(-50%)}
.ticks i:last-child{transform:translateX(-90%)}
.chips{display:inline-flex;flex-wrap:wrap;gap:.25rem}.chips li{border:1px solid var(--line);border-radius:6px;
padding:0 .4rem;font:.8rem/1.6 ui-monospace,monospace;color:var(--soft)}
.chips .here{border-color:var(--ink);color:var(--ink);font-weight:700}
@media(max-width:40rem){.chain{flex-direction:column}.chain li+li{margin:.6rem 0 0}
.chain li+li::before{left:1.2rem;top:-.65rem;width:0;height:.6rem;border-top:0;border-left:2px solid var(--wire)}
.chain strong{display:inline-block;width:5.5rem}.chain span,.chain a{display:inline}.chain .state,.chain a{float:right}
.gpus{grid-template-columns:1fr 1fr}.gpus>:only-child{grid-column:1/-1;padding-right:0}.way{flex-direction:column}
.way pre{width:100%}}
@media print{button,fieldset{display:none}}
"""
# Filters hide by severity and by words; the copy button takes the text of the block before it. In a frame of a notebook
# there is no clipboard: the text is selected then, and copied the old way where that is allowed.
SCRIPT = """
(function(){var all=function(css){return [].slice.call(document.querySelectorAll(css))},find=document.querySelector(
'input[type=search]'),said=document.querySelector('[role=status]'),show=function(){var off=all('input[data-severity]')
.filter(function(b){return !b.checked}).map(function(b){return b.dataset.severity+'-finding'}),words=(find?find.value:
'').toLowerCase().split(' '),n=0;all('article').forEach(function(a){var text=a.textContent.toLowerCase();
a.hidden=off.indexOf(a.className)>=0||!words.every(function(w){return text.indexOf(w)>=0});n+=!a.hidden});
if(said)said.textContent=n+' of '+all('article').length+' shown'};
all('input').forEach(function(i){i.addEventListener('input',show)});
all('button[data-copy]').forEach(function(b){b.addEventListener('click',function(){
var text=b.previousElementSibling,done=function(){b.textContent='Copied'},select=function(){
var r=document.createRange();r.selectNodeContents(text);var s=getSelection();s.removeAllRanges();s.addRange(r);
if(document.execCommand('copy'))done()};
if(navigator.clipboard)navigator.clipboard.writeText(text.textContent).then(done,select);else select()})})})();
"""
