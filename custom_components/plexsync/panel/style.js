// The looks: Home Assistant's theme variables, each with a value for where a theme lacks it.

const CSS = `
:host {
  --page: var(--primary-background-color, #fafafa);
  --card: var(--ha-card-background, var(--card-background-color, #fff));
  --ink: var(--primary-text-color, #141414);
  --quiet: var(--secondary-text-color, #5e5e5e);
  --line: var(--divider-color, #0000001f);
  --edge: var(--ha-color-border-neutral-normal, #767676);
  --accent: var(--primary-color, #009ac7);
  --good: var(--success-color, #43a047);
  --warn: var(--warning-color, #ffa600);
  --bad: var(--error-color, #db4437);
  --radius: var(--ha-card-border-radius, var(--ha-border-radius-lg, 12px));
  --inset: calc(var(--safe-area-inset-top, 0px) + var(--safe-area-inset-bottom, 0px));
  color-scheme: light;
  display: flex;
  flex-direction: column;
  height: calc(100vh - var(--inset));
  height: calc(100dvh - var(--inset));
  background: var(--page);
  color: var(--ink);
  font-family: var(--ha-font-family-body, Roboto, Noto, sans-serif);
  font-size: var(--ha-font-size-m, 14px);
  line-height: 1.5;
}
:host([dark]) { color-scheme: dark; }
* { box-sizing: border-box; }
h1, h2, h3, p, ul, ol, dl, dd, figure { margin: 0; padding: 0; }
ul, ol { list-style: none; }
h1 { font-size: 20px; font-weight: 400; }
h2 { font-size: 18px; font-weight: 500; line-height: 1.3; }
h3 { font-size: 14px; font-weight: 500; }
a { color: inherit; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
:focus:not(:focus-visible) { outline: none; }
.icon { width: 24px; height: 24px; fill: currentColor; flex: none; }
.icon.small { width: 16px; height: 16px; vertical-align: -3px; }
.hidden {
  position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap;
}

header {
  display: flex; align-items: center; gap: 12px; min-height: var(--header-height, 56px); padding: 0 16px; flex: none;
  background: var(--app-header-background-color, var(--card));
  color: var(--app-header-text-color, var(--ink));
}
header .state { margin-inline-start: auto; display: flex; align-items: center; gap: 8px; min-width: 0; }
header .state span:last-child { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
header .field span { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.dot { width: 10px; height: 10px; border-radius: 50%; background: var(--quiet); flex: none; }
.dot.good { background: var(--good); }
.dot.warn { background: var(--warn); }
.dot.bad { background: var(--bad); }
nav {
  display: flex; flex: none; overflow-x: auto; padding: 0 8px; scrollbar-width: none;
  background: var(--app-header-background-color, var(--card));
  color: var(--app-header-text-color, var(--ink));
  border-bottom: 1px solid var(--line);
}
nav a {
  display: flex; align-items: center; gap: 8px; padding: 0 16px; min-height: 48px;
  text-decoration: none; white-space: nowrap; border-bottom: 2px solid transparent; margin-bottom: -1px;
}
nav a:focus-visible { outline-offset: -4px; }
main:focus-visible, .rows .main:focus-visible, .virtual:focus-visible { outline-offset: -2px; }
nav a[aria-current] { border-color: var(--accent); font-weight: 500; }
nav a:hover { background: color-mix(in srgb, var(--ink) 5%, transparent); }
.count {
  min-width: 20px; padding: 0 6px; border-radius: 10px; text-align: center; font-size: 12px; line-height: 20px;
  background: color-mix(in srgb, var(--ink) 12%, transparent);
}
main { flex: 1; min-height: 0; overflow: auto; overflow-anchor: none; }
.bar {
  display: flex; flex-wrap: wrap; gap: 8px 16px; align-items: center; justify-content: center; padding: 8px 16px; flex: none;
  background: color-mix(in srgb, var(--warn) 25%, var(--card)); color: var(--ink);
}
.view { padding: 16px; display: flex; flex-direction: column; gap: 16px; }
.view > * { width: 100%; max-width: 1200px; margin-inline: auto; flex: none; }
.view > :empty { display: none; }

.card {
  background: var(--card); border-radius: var(--radius); padding: 16px;
  border: 1px solid var(--ha-card-border-color, var(--line));
  box-shadow: var(--ha-card-box-shadow, none);
}
.card > * + * { margin-top: 12px; }
.quiet { color: var(--quiet); }
.number { font-size: 28px; line-height: 1.2; font-weight: 400; }
.grid { display: grid; gap: 16px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 220px), 1fr)); }
.shares { display: grid; gap: 8px 16px; grid-template-columns: repeat(3, 1fr); }
.head { display: flex; flex-wrap: wrap; gap: 8px 16px; align-items: center; }
.head > :first-child { flex: 1 1 240px; min-width: 0; }
.actions { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; }
.empty { text-align: center; padding: 40px 16px; }
.empty .actions { justify-content: center; }
.empty .icon { width: 48px; height: 48px; fill: var(--quiet); }
.break { overflow-wrap: anywhere; }
.facts { display: grid; grid-template-columns: fit-content(45%) 1fr; gap: 4px 16px; }
.facts dt { color: var(--quiet); }
.chips { display: flex; flex-wrap: wrap; gap: 4px 6px; }
.chip { border-radius: 6px; padding: 0 8px; line-height: 22px; font-size: 12px; background: color-mix(in srgb, var(--ink) 8%, transparent); }
.chip.added { background: color-mix(in srgb, var(--good) 24%, transparent); }
.chip.removed { background: color-mix(in srgb, var(--bad) 20%, transparent); text-decoration: line-through; }

.button {
  font: inherit; font-weight: 500; color: var(--ink); background: transparent; cursor: pointer; text-decoration: none;
  border: 1px solid var(--edge); border-radius: 8px; padding: 5px 14px; min-height: 36px;
  display: inline-flex; align-items: center; justify-content: center; gap: 8px;
}
.button:hover:not([aria-disabled]) { background: color-mix(in srgb, var(--ink) 8%, transparent); }
.button.primary { background: var(--ink); color: var(--primary-background-color, #fafafa); border-color: var(--ink); }
.button.primary:hover:not([aria-disabled]) { background: color-mix(in srgb, var(--ink) 85%, var(--card)); }
.button.plain { border-color: transparent; padding: 5px 8px; }
.button[aria-disabled] { cursor: default; border-color: var(--line); color: var(--quiet); background: transparent; }
.square { width: 40px; padding: 0; border-color: transparent; margin-inline-start: -8px; }
.link { text-decoration: underline; }
.field { display: inline-flex; flex-direction: column; gap: 2px; font-size: 12px; color: var(--quiet); min-width: 0; }
.field select, .field input {
  font: inherit; font-size: 14px; color: var(--ink); background: var(--card); border: 1px solid var(--edge);
  border-radius: 8px; min-height: 36px; padding: 4px 10px; max-width: 100%;
}
.filters { display: flex; flex-wrap: wrap; gap: 8px 12px; align-items: end; }
.filters .others { display: contents; }
.filters .field[hidden] { display: none; }
.filters .field { flex: 1 1 150px; max-width: 360px; }
.filters .field.search { flex: 2 1 200px; max-width: none; }
.check { display: inline-flex; align-items: center; justify-content: center; width: 44px; min-height: 44px; flex: none; cursor: pointer; }
.check input { width: 18px; height: 18px; accent-color: var(--accent); margin: 0; }
progress { width: 100%; height: 8px; appearance: none; border: 0; border-radius: 4px; overflow: hidden; background: color-mix(in srgb, var(--ink) 12%, transparent); }
progress::-webkit-progress-bar { background: color-mix(in srgb, var(--ink) 12%, transparent); }
progress::-webkit-progress-value { background: var(--accent); }
progress::-moz-progress-bar { background: var(--accent); }
summary { cursor: pointer; min-height: 36px; display: list-item; padding-block: 6px; }
table { width: 100%; border-collapse: collapse; }
th { text-align: start; font-weight: 500; color: var(--quiet); }
th, td { padding: 6px 12px 6px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
.wide { overflow-x: auto; }

.rows { position: relative; }
.rows .row { position: absolute; inset-inline: 0; contain: strict; border-bottom: 1px solid var(--line); }
.line { height: 100%; display: flex; align-items: center; gap: 12px; padding-inline: 4px 12px; }
.line.bare { padding-inline-start: 16px; }
.line:hover { background: color-mix(in srgb, var(--ink) 4%, transparent); }
.line.chosen { background: color-mix(in srgb, var(--accent) 12%, transparent); }
.main {
  flex: 1; min-width: 0; align-self: stretch; display: flex; flex-direction: column; justify-content: center;
  font: inherit; color: inherit; background: none; border: 0; padding: 0; text-align: start; cursor: pointer; text-decoration: none;
}
.line .main { padding-inline: 8px; margin-inline: -8px; }
.main > * { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; max-width: 100%; }
.main strong { font-weight: 500; }
.poster { width: 40px; height: 60px; border-radius: 4px; flex: none; overflow: hidden; display: grid; place-items: center; color: var(--quiet); background: color-mix(in srgb, var(--ink) 8%, transparent); }
.poster img { width: 100%; height: 100%; object-fit: cover; display: block; }
.list { padding: 0; overflow: hidden; }
.end { flex: none; text-align: end; white-space: nowrap; color: var(--quiet); }

.two { display: grid; gap: 16px; grid-template-columns: minmax(0, 1fr); align-items: start; }
.filterbox > * + * { margin-top: 8px; }
@media (min-width: 871px) { .filterbox[open] > summary { display: none; } }
.main .chips { flex-wrap: nowrap; mask-image: linear-gradient(90deg, #000 calc(100% - 24px), transparent); }
.main .chips:dir(rtl) { mask-image: linear-gradient(270deg, #000 calc(100% - 24px), transparent); }
.main .chip { flex: none; }
.change { border-top: 1px solid var(--line); padding-top: 8px; margin-top: 16px; }
.change > * + * { margin-top: 8px; }
.change > .head { align-items: baseline; }
.text { white-space: pre-wrap; overflow-wrap: anywhere; }
ins { text-decoration: none; background: color-mix(in srgb, var(--good) 28%, transparent); border-radius: 3px; }
del + ins { margin-inline-start: 4px; }
del { background: color-mix(in srgb, var(--bad) 22%, transparent); border-radius: 3px; }
.pictures { display: flex; flex-wrap: wrap; gap: 16px; }
.pictures figure { flex: 0 1 200px; min-width: 120px; }
.pictures .frame { aspect-ratio: 2 / 3; width: 100%; height: auto; border-radius: 8px; }
.pictures .background .frame { aspect-ratio: 16 / 9; }
.pictures .background { flex-basis: 320px; }
.candidate { display: flex; gap: 12px; align-items: flex-start; padding-block: 8px; border-top: 1px solid var(--line); }
.candidate > div:nth-child(2) { flex: 1; min-width: 0; }
.time { position: relative; height: 28px; border-radius: 4px; background: color-mix(in srgb, var(--ink) 10%, transparent); overflow: hidden; }
.time i { position: absolute; top: 0; bottom: 0; min-width: 4px; background: var(--bad); }
.time .blind { background: repeating-linear-gradient(45deg, var(--quiet) 0 2px, transparent 2px 7px); opacity: 0.35; }
.time.key { display: inline-block; width: 28px; height: 14px; margin-inline-end: 8px; vertical-align: middle; }
.time.key i { inset-inline: 0; }
.scale { display: flex; justify-content: space-between; font-size: 12px; color: var(--quiet); }

dialog {
  color: var(--ink); background: var(--card); border: 1px solid var(--line); border-radius: var(--radius);
  padding: 24px; max-width: min(480px, calc(100vw - 32px));
}
dialog > * + * { margin-top: 16px; }
dialog .actions { justify-content: flex-end; }
dialog > .actions { position: sticky; bottom: -24px; margin: 16px -24px -24px; padding: 12px 24px 24px; background: var(--card); }
dialog::backdrop { background: #0008; }

.stack > * + * { margin-top: 16px; }
.members > * + * { margin-top: 6px; }
.menu { position: relative; }
.menu > summary { list-style: none; padding: 6px 8px; text-decoration: underline; text-underline-offset: 3px; text-align: end; }
.menu > summary::-webkit-details-marker { display: none; }
.menu[open] > .actions { margin-top: 8px; }
summary .title { font-size: 16px; font-weight: 500; }

@media (min-width: 1100px) {
  .two.open { grid-template-columns: minmax(0, 2fr) minmax(0, 3fr); }
  .two.open .detail { position: sticky; top: 16px; max-height: calc(100dvh - 140px); overflow: auto; }
  .two.open .back { display: none; }
}
@media (max-width: 1099px) {
  .two.open .listing, .two.open .close { display: none; }
  .view:has(.two.open) > .card { display: none; }
}
@media (max-width: 600px) {
  header { padding: 0 8px 0 12px; }
  nav { padding: 0; }
  nav a { flex: 1 0 auto; justify-content: center; padding: 0 12px; }
  .view { padding: 8px; gap: 8px; }
  .card { padding: 12px; }
  .list { padding: 0; }
  .button, .field select, .field input, summary { min-height: 44px; }
  summary { padding-block: 10px; }
  .square { width: 44px; }
  .grid { gap: 8px; }
  .filters .field, .filters .field.search { flex: 1 1 130px; }
}
`;

/** Give a shadow root its looks. */
export function dress(root) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(CSS);
  root.adoptedStyleSheets = [sheet];
}
