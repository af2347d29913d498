// The review page: the shell around its views.

import { add, button, choose, el, fill, icon, rest, say } from "./dom.js";
import { HealthView } from "./health_view.js";
import { HistoryView } from "./history_view.js";
import { NeedsView } from "./needs_view.js";
import { PlanView } from "./plan_view.js";
import { Server } from "./server.js";
import { dress } from "./style.js";
import { Texts } from "./texts.js";

const VIEWS = { plan: PlanView, needs: NeedsView, history: HistoryView, health: HealthView };
const FIRST = "plan";
const PATIENCE = 3000; // milliseconds between two looks for a server that is not loaded
const GOOD = new Set(["up_to_date", "syncing"]);
const WAITS = new Set(["waiting_for_plex", "waiting_for_source", "off", "needs_review"]);

class PlexSyncPanel extends HTMLElement {
  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    dress(root);
    this._header = el("header");
    this._tabs = el("nav");
    this._notice = el("div", { role: "status" });
    this._main = el("main", { tabindex: -1 });
    add(root, this._header, this._tabs, this._notice, this._main);
    this._moved = () => {
      for (const dialog of this.shadowRoot.querySelectorAll("dialog")) dialog.close(); // it was about what is left
      this._follow();
    };
    this._lost = () => {
      this._stop = undefined; // it went with the connection
      this._note();
    };
    this._back = () => this._begin(); // another version may answer now
  }

  set hass(hass) {
    const before = this._hass;
    this._hass = hass;
    if (this._server) this._server.hass = hass;
    this.toggleAttribute("dark", Boolean(hass.themes?.darkMode));
    if (before && before.language !== hass.language) this._begin();
    else this._texts?.follow(hass);
  }

  get hass() {
    return this._hass;
  }

  set narrow(narrow) {
    this._narrow = narrow;
    if (this._texts) this._drawHeader();
  }

  set route(route) {
    this._route = route;
  }

  set panel(panel) {
    this._panel = panel;
  }

  connectedCallback() {
    window.addEventListener("location-changed", this._moved);
    window.addEventListener("popstate", this._moved);
    this._hass.connection.addEventListener("disconnected", this._lost);
    this._hass.connection.addEventListener("ready", this._back);
    this._begin();
  }

  disconnectedCallback() {
    window.removeEventListener("location-changed", this._moved);
    window.removeEventListener("popstate", this._moved);
    this._hass.connection.removeEventListener("disconnected", this._lost);
    this._hass.connection.removeEventListener("ready", this._back);
    this._end();
  }

  // What views use.

  get texts() {
    return this._texts;
  }

  get server() {
    return this._server;
  }

  get overview() {
    return this._chosen;
  }

  get live() {
    return this._live;
  }

  get narrow() {
    return Boolean(this._narrow);
  }

  get scroller() {
    return this._main;
  }

  get root() {
    return this.shadowRoot;
  }

  /** Name a source, one that was removed too. */
  source = (id) => {
    const found = this._chosen?.sources.find((each) => each.id === id);
    return found ? this._texts.source(found) : this._texts.t("source_gone");
  };

  /** Name a library. */
  library = (id) => this._live?.libraries.find((each) => each.id === id)?.title ?? "";

  /** Give what the address says beyond the view. */
  get query() {
    return new URLSearchParams(window.location.search);
  }

  /** Give the address of a view; values that are null or empty are left out. */
  address(view, values = {}) {
    const query = new URLSearchParams();
    const id = this.query.get("config_entry");
    for (const [name, value] of Object.entries({ config_entry: id, ...values }))
      if (value) query.set(name, value);
    const text = query.toString();
    return `/plexsync/${view}${text ? `?${text}` : ""}`;
  }

  /** Go to a view, or to another place in it. */
  go(view, values, { replace = false } = {}) {
    this._visit(this.address(view, values), replace);
  }

  /** Go to a page of Home Assistant's. */
  leave(path) {
    this._visit(path, false);
  }

  /** Tell something in passing. */
  toast = (message) => this._send("hass-notification", { message });

  /** Do what a button asks for; the button waits, and what goes wrong is told. */
  async act(pressed, work) {
    rest(pressed, true);
    try {
      return await work();
    } catch (error) {
      this.toast(this._texts.error(error));
      return undefined;
    } finally {
      rest(pressed, false);
      this.refocus();
    }
  }

  /** Put the focus where one goes on, if what had it is gone. */
  refocus() {
    if (document.activeElement !== document.body) return;
    if (!this._view?.focus?.()) this._main.focus({ preventScroll: true });
  }

  // How.

  _visit(path, replace) {
    window.history[replace ? "replaceState" : "pushState"](null, "", path);
    window.dispatchEvent(new CustomEvent("location-changed", { detail: { replace } }));
  }

  _send(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }

  async _begin() {
    this._end();
    const turn = (this._turn = Symbol("turn"));
    try {
      const texts = await Texts.load(this._hass);
      const overview = await this._hass.callWS({ type: "plexsync/overview" });
      if (turn !== this._turn) return;
      this._texts = texts;
      this._choose(overview);
      await this._subscribe(turn);
    } catch (error) {
      if (turn === this._turn) this._retry(error);
    }
  }

  _choose(overview) {
    this._overview = overview;
    this._chosen = this._meant();
    this._server = this._chosen && new Server(this._hass, this._chosen.config_entry_id);
    this._drawHeader();
    this._note();
  }

  /** Say which server the address means, or go on with the one that is shown: it may be loaded anew. */
  _meant() {
    const wanted = this.query.get("config_entry");
    const { servers } = this._overview;
    return (
      servers.find((each) => each.config_entry_id === wanted) ??
      servers.find((each) => each.config_entry_id === this._chosen?.config_entry_id) ??
      servers.find((each) => each.loaded) ??
      servers[0]
    );
  }

  async _subscribe(turn) {
    if (!this._chosen?.loaded) {
      this._absent(this._texts.t(this._chosen ? "not_loaded" : "no_server"));
      return;
    }
    const stop = await this._server.follow((news) => {
      if (turn !== this._turn) return;
      if (news.unloaded) this._begin();
      else if (news.error) this._retry(news.error);
      else this._heard(news);
    });
    if (turn === this._turn) this._stop = stop;
    else stop().catch(() => {});
  }

  _heard(live) {
    const first = !this._live;
    this._live = live;
    this._drawState();
    this._drawTabs();
    if (first) this._follow();
    else this._view?.update?.(live);
  }

  _absent(text) {
    this._close();
    fill(this._main, el("div", { class: "view" }, el("p", { class: "card empty" }, text)));
    this._timer = setTimeout(() => this._begin(), PATIENCE);
  }

  _retry(error) {
    const texts = this._texts ?? new Texts(this._hass);
    this._absent(texts.error(error));
  }

  _end() {
    this._turn = undefined;
    clearTimeout(this._timer);
    this._stop?.().catch(() => {}); // of a connection that is gone
    this._stop = undefined;
    this._live = undefined;
    this._close();
  }

  _close() {
    this._view?.close?.();
    this._view = undefined;
    this._shown = undefined;
  }

  /** Show what the address says. */
  _follow() {
    const [, panel, name] = window.location.pathname.split("/");
    if (panel !== "plexsync" || !this._overview) return;
    if (this._meant() !== this._chosen) {
      this._begin();
      return;
    }
    if (!this._live) return;
    const view = name in VIEWS ? name : FIRST;
    if (view !== this._shown) {
      this._close();
      this._shown = view;
      this._view = new VIEWS[view](this);
      fill(this._main, this._view.element);
      this._main.scrollTop = 0;
      this._drawTabs();
    }
    this._view.visit?.(this.query);
  }

  _drawHeader() {
    const { t } = this._texts;
    const servers = this._overview?.servers ?? [];
    this._dot = el("span", { class: "dot" });
    this._word = el("span");
    fill(
      this._header,
      (this._narrow || this._hass.dockedSidebar === "always_hidden") &&
        el(
          "button",
          {
            type: "button",
            class: "button square",
            "aria-label": t("menu"),
            onclick: () => this._send("hass-toggle-menu"),
          },
          icon("menu"),
        ),
      el("h1", {}, "PlexSync"),
      servers.length > 1 &&
        choose(
          t("server"),
          servers.map((each) => [each.config_entry_id, each.title]),
          this._chosen.config_entry_id,
          (id) => this.go(this._shown ?? FIRST, { config_entry: id }),
        ),
      el("div", { class: "state" }, this._dot, this._word),
    );
    this._drawState();
    this._drawTabs();
  }

  _drawState() {
    if (!this._live) return;
    const { status } = this._live;
    this._dot.className = `dot ${GOOD.has(status) ? "good" : WAITS.has(status) ? "warn" : "bad"}`;
    say(this._word, this._texts.status(status));
  }

  _drawTabs() {
    if (!this._texts) return;
    const { t, number } = this._texts;
    const counts = this._live
      ? { plan: this._live.plan?.differs, needs: NeedsView.count(this._live) }
      : {};
    const key = JSON.stringify([counts, this._shown, this._texts.language, this.query.get("config_entry")]);
    if (key === this._tabsKey) return;
    this._tabsKey = key;
    const focused = this.shadowRoot.activeElement?.dataset?.view;
    this._tabs.setAttribute("aria-label", t("views"));
    fill(
      this._tabs,
      Object.keys(VIEWS).map((view) =>
        el(
          "a",
          {
            href: this.address(view),
            "data-view": view,
            "aria-current": view === this._shown ? "page" : null,
            onclick: (event) => {
              if (event.ctrlKey || event.metaKey || event.shiftKey) return;
              event.preventDefault();
              this.go(view);
            },
          },
          t(`${view}.tab`),
          counts[view] ? el("span", { class: "count" }, number(counts[view])) : null,
        ),
      ),
    );
    if (focused) this._tabs.querySelector(`[data-view="${focused}"]`)?.focus();
  }

  /** Tell what concerns the whole page. */
  _note() {
    if (!this._texts) return;
    const { t } = this._texts;
    const old = this._overview && this._overview.version !== this._panel?.config?.version;
    if (this._hass.connection.connected === false)
      fill(this._notice, el("p", { class: "bar" }, t("connection_lost")));
    else if (old)
      fill(
        this._notice,
        el("div", { class: "bar" }, t("new_version"), button(t("reload"), () => window.location.reload())),
      );
    else fill(this._notice);
  }
}

if (!customElements.get("plexsync-panel")) customElements.define("plexsync-panel", PlexSyncPanel);
