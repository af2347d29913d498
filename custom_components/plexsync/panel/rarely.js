// Work that is asked for often and done now and then.

const APART = 3000; // milliseconds between the end of one time and the next

/** Does some work soon after it was asked for, the last asking included, but not too often. */
export class Rarely {
  constructor(work, apart = APART) {
    Object.assign(this, { _work: work, _apart: apart, _asked: false, _busy: false });
  }

  /** Let the work be done: at once, or when it is time again. */
  async ask() {
    this._asked = true;
    if (this._busy) return;
    this._busy = true;
    while (this._asked) {
      this._asked = false;
      try {
        await this._work();
      } catch (error) {
        console.error(error); // the next time may go well
      }
      await new Promise((resolve) => setTimeout(resolve, this._apart));
    }
    this._busy = false;
  }

  /** Do no more of it. */
  close() {
    this._work = () => {};
  }
}
