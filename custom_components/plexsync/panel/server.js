// One server: its commands, its pictures, and what it tells by itself.

const KEPT = 500; // signed paths
const VALID = 3600; // seconds

/** What can be asked of one server. */
export class Server {
  constructor(hass, id) {
    this.hass = hass;
    this.id = id;
    this._signed = new Map();
  }

  /** Send a command. */
  ask = (name, data = {}) =>
    this.hass.callWS({ type: `plexsync/${name}`, config_entry_id: this.id, ...data });

  /** Follow the server: `heard` gets its state, again after each change. Gives what ends that. */
  follow(heard) {
    return this.hass.connection.subscribeMessage(
      heard,
      { type: "plexsync/subscribe", config_entry_id: this.id },
      { resubscribe: false }, // after a restart the server may not be loaded yet: we look ourselves
    );
  }

  /** Give an address of a picture that the browser may open for a while. */
  signed(path) {
    const known = this._signed.get(path);
    if (known && known.until > Date.now()) return known.address;
    const address = this.hass
      .callWS({ type: "auth/sign_path", path, expires: VALID })
      .then((answer) => answer.path);
    address.catch(() => this._signed.delete(path));
    this._signed.set(path, { address, until: Date.now() + VALID * 800 });
    if (this._signed.size > KEPT) this._signed.delete(this._signed.keys().next().value);
    return address;
  }

  /** Where the picture of an item is, as Plex shows it now. */
  picture = (item, kind) =>
    `/api/plexsync/picture/${this.id}/${encodeURIComponent(item)}?kind=${kind}`;

  /** Where the picture is that a source has for one of its records. */
  wanted = (source, key, kind) =>
    `/api/plexsync/wanted/${this.id}/${encodeURIComponent(source)}?kind=${kind}&key=${encodeURIComponent(key)}`;
}
