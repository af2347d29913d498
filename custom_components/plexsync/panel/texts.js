// Texts come from the integration's translations; numbers and times follow the user's locale.

const OURS = "component.plexsync";
const CATEGORIES = ["config_panel", "selector", "entity", "exceptions"];
const LOST = 3; // what a command is answered with when the connection breaks
// What a user may choose in his profile in place of what his language has.
const HOURS = { 12: "h12", 24: "h23" };
const NUMBERS = { comma_decimal: "en-US", decimal_comma: "de", space_comma: "fr", quote_decimal: "de-CH", none: "en-US" };

/** Give a formatter that is made once. */
function once(make) {
  let made;
  return () => (made ??= make());
}

/** The texts in one language. */
export class Texts {
  constructor(hass) {
    this.follow(hass);
    const { language, time_zone: zone, time_format: clock, number_format: digits } = hass.locale ?? {};
    const locale = language ?? hass.language;
    const timeZone = (this._zone = zone === "server" ? hass.config.time_zone : undefined);
    const hourCycle = HOURS[clock];
    this.language = hass.language;
    const numbers = [NUMBERS[digits] ?? locale, { maximumFractionDigits: 1, useGrouping: digits !== "none" }];
    this._number = once(() => new Intl.NumberFormat(...numbers));
    this._list = once(() => new Intl.ListFormat(locale));
    this._ago = once(() => new Intl.RelativeTimeFormat(locale, { numeric: "auto" }));
    this._time = once(
      () => new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short", timeZone, hourCycle }),
    );
  }

  /** Take the newest object of Home Assistant's. */
  follow(hass) {
    this._localize = hass.localize;
  }

  /** Fetch the texts. */
  static async load(hass) {
    let localize = hass.localize;
    for (const category of CATEGORIES)
      localize = (await hass.loadBackendTranslation(category, "plexsync")) ?? localize;
    const texts = new Texts(hass);
    texts._localize = localize;
    return texts;
  }

  /** Give one of the page's own texts. */
  t = (key, values) => this._localize(`${OURS}.config_panel.${key}`, values) || key;

  /** Count something in words: `key` has a text for one and for several. */
  count = (key, count) =>
    this.t(`${key}.${count === 1 ? "one" : "other"}`, { count: this.number(count) });

  /** Say what a reason means; one that has no words is shown as it is. */
  reason = (name) =>
    this._localize(`${OURS}.selector.reason.options.${name}`) ||
    this._localize(`${OURS}.config_panel.reason.${name}`) ||
    name;

  /** Name a field. */
  field = (name) => this._localize(`${OURS}.selector.item_fields.fields.${name}.name`) || name;

  /** Say what goes on. */
  status = (name) => this._localize(`${OURS}.entity.sensor.status.state.${name}`) || name;

  /** Say how the circuit is. */
  circuit = (name) => this._localize(`${OURS}.entity.sensor.circuit.state.${name}`) || name;

  /** Name a source. */
  source = (source) => (source?.id === "action" ? this.t("source_action") : source?.title);

  /** Say what went wrong with a command. */
  error = (error) => {
    if (error === LOST) return this.t("connection_lost");
    const { translation_domain: domain, translation_key: key } = error ?? {};
    const values = error?.translation_placeholders;
    const words = key && this._localize(`component.${domain}.exceptions.${key}.message`, values);
    return words || error?.message || this.t("error");
  };

  number = (value) => this._number().format(value);
  percent = (value) => `${this.number(value)} %`;
  list = (values) => this._list().format(values);
  /** Give the day of a moment as a date input wants it. */
  day = (iso) => new Date(iso).toLocaleDateString("sv", { timeZone: this._zone });

  /** Give the moment at which a clock in the zone of the shown times says `wall`: "2026-07-01T08:00". */
  moment = (wall) => {
    if (!this._zone) return new Date(wall).toISOString();
    const utc = Date.parse(`${wall}Z`);
    const ahead = (at) => {
      const there = new Date(at).toLocaleString("sv", { timeZone: this._zone }); // "2026-07-01 08:00:00"
      return Date.parse(`${there.replace(" ", "T")}Z`) - Math.floor(at / 1000) * 1000;
    };
    return new Date(utc - ahead(utc - ahead(utc))).toISOString(); // twice: the clocks may change in between
  };

  time = (iso) => this._time().format(new Date(iso));
  range = (from, until) => this._time().formatRange(new Date(from), new Date(until));

  /** Say how long ago, or in how long, something is. */
  ago = (iso) => {
    const seconds = (new Date(iso) - Date.now()) / 1000;
    for (const [unit, length] of [["day", 86400], ["hour", 3600], ["minute", 60]])
      if (Math.abs(seconds) >= length)
        return this._ago().format(Math.trunc(seconds / length), unit);
    // What has passed need not be counted by the second.
    return this._ago().format(seconds > 0 ? Math.round(seconds) : Math.ceil(seconds / 10) * 10, "second");
  };

  /** Say how long something took. */
  duration = (seconds) => {
    if (seconds === null || seconds === undefined) return "–";
    const units = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
    const [unit, length] = units.find(([, length]) => seconds >= length) ?? units[3];
    const value = Math.round((seconds / length) * 10) / 10;
    return new Intl.NumberFormat(this.language, { style: "unit", unit, unitDisplay: "long" }).format(
      value >= 10 ? Math.round(value) : value,
    );
  };
}
