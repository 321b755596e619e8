/** Style sheet of the reports: colours as variables, light and dark, and rules of the building blocks. */

const light = `
--page:#fff;--surface:#f5f6f8;--line:#d5d9e0;--text:#1c2128;--muted:#57606a;--accent:#0b5cad;
--good:#1a7f37;--note:#0b5cad;--warning:#8a5a00;--serious:#b42318;
--series-1:#0b6bcb;--series-2:#c2410c;--series-3:#15803d;--series-4:#a21caf;--series-5:#8a6d00;--series-6:#0f766e;`;

const dark = `
--page:#12161c;--surface:#1b2129;--line:#363f4b;--text:#e8ebef;--muted:#a3adb9;--accent:#7ab8ff;
--good:#58c273;--note:#7ab8ff;--warning:#e3b341;--serious:#ff8a80;
--series-1:#69b1ff;--series-2:#ff9d66;--series-3:#63d38a;--series-4:#e79bf0;--series-5:#e6c84c;--series-6:#4fd1c5;`;

/** The colours, also for pages that choose between them in another way. */
export const palette = { light, dark } as const;

export const styles = `
:root{color-scheme:light dark;${light}}
@media (prefers-color-scheme:dark){:root{${dark}}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;scroll-padding-top:1rem}
body{margin:0;background:var(--page);color:var(--text);font:1rem/1.5 system-ui,sans-serif}
header,main,footer{max-width:75rem;margin:0 auto;padding:0 clamp(1rem,3vw,2rem)}
header{padding-top:2rem}
footer{padding-top:2rem;padding-bottom:3rem;color:var(--muted);font-size:.875rem}
h1{margin:0;font-size:clamp(1.5rem,4vw,2rem);line-height:1.2;overflow-wrap:anywhere}
h2{margin:2.5rem 0 .75rem;padding-top:.75rem;border-top:1px solid var(--line);font-size:1.25rem;line-height:1.3}
h3{margin:1.5rem 0 .5rem;font-size:1rem}
p,li{max-width:70ch;margin:.5rem 0;overflow-wrap:anywhere}
.lead{color:var(--muted)}
a{color:var(--accent)}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
main:focus{outline:none}
ul{padding-left:1.25rem}
.skip{position:absolute;left:-100vw;background:var(--page);padding:.5rem 1rem;z-index:1}
.skip:focus{left:0;top:0}
nav ul{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;margin:1rem 0 0;padding:0;list-style:none}
nav a{display:inline-block;padding:.25rem 0}
code{font:.875em/1.4 ui-monospace,monospace;overflow-wrap:anywhere}
small{font-size:.8125rem;color:var(--muted)}
.headline{max-width:none;margin:1.25rem 0 .5rem;font-size:1.25rem}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(10rem,1fr));gap:.75rem;margin:1.25rem 0}
.tiles div{padding:.75rem 1rem;background:var(--surface);border:1px solid var(--line);border-radius:.5rem}
.tiles dt{color:var(--muted);font-size:.875rem}
.tiles dd{margin:0;font-size:1.375rem;font-weight:600;line-height:1.3;font-variant-numeric:tabular-nums;overflow-wrap:break-word}
.tiles small{display:block;font-weight:400}
.notice{display:flex;gap:.75rem;max-width:none;margin:.5rem 0;padding:.625rem 1rem;background:var(--surface);
border-left:4px solid var(--kind);border-radius:.25rem}
.notice strong{flex:none;min-width:4.5rem;color:var(--kind)}
.notice span{min-width:0}
.good{--kind:var(--good)}.note{--kind:var(--note)}.warning{--kind:var(--warning)}.serious{--kind:var(--serious)}
@media (max-width:30rem){.notice{flex-direction:column;gap:0}table{font-size:.875rem}th,td{padding-right:.625rem}}
.scroll{overflow-x:auto;margin:.75rem 0}
table{border-collapse:collapse;width:max-content;min-width:100%}
.matrix{min-width:0}
caption{padding:.25rem 0;color:var(--muted);font-size:.875rem;text-align:left}
th,td{padding:.375rem 1rem .375rem 0;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}
td{max-width:min(24rem,70vw);overflow-wrap:break-word}
td:last-child,th:last-child{padding-right:0}
.columns{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,30rem),1fr));gap:0 2.5rem;align-items:start}
.columns>*{min-width:0}
td:first-child code{overflow-wrap:normal;white-space:nowrap}
th{font-size:.875rem;white-space:nowrap}
.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
figure{margin:1rem 0}
figure svg,figure img{display:block;max-width:100%;height:auto}
figcaption{margin-top:.375rem;color:var(--muted);font-size:.875rem;overflow-wrap:anywhere}
.gallery{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,19.5rem),1fr));gap:1rem;align-items:stretch;margin:.75rem 0}
.gallery.single{grid-template-columns:repeat(auto-fill,minmax(8.5rem,1fr))}
.group h3{flex-basis:100%;margin:0}
.group p{align-self:center;font-size:.875rem}
.thumbnail{width:8.5rem;margin:0}
.thumbnail img{width:auto;max-width:100%;max-height:8.5rem;background:var(--surface);border:1px solid var(--line)}
.thumbnail .small{width:6rem;image-rendering:pixelated}
.missing{display:grid;place-items:center;width:8.5rem;height:6rem;color:var(--muted);font-size:.75rem;border:1px dashed var(--line)}
.group{display:flex;flex-wrap:wrap;align-content:flex-start;gap:.5rem;padding:.75rem;background:var(--surface);border:1px solid var(--line);border-radius:.5rem}
.thumbnail figcaption{font-size:.75rem;line-height:1.35}
details{margin:.75rem 0}
summary{cursor:pointer;padding:.25rem 0;color:var(--accent)}
.meter{white-space:nowrap;display:inline-flex;align-items:center;gap:.5rem;font-variant-numeric:tabular-nums}
.meter>span{display:inline-block;width:clamp(4rem,15vw,12rem);height:.625rem;background:var(--surface);border:1px solid var(--line)}
.meter i{display:block;height:100%;background:var(--series-1)}
@media print{nav,ul{padding-left:1.25rem}
.skip{display:none}.thumbnail,tr{break-inside:avoid}}
`;
