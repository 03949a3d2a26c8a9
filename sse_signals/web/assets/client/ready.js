/** A promise that can be asked for before anybody knows how it will end. */

export class Ready {
  /** Whether it was rejected; undefined while it is open how it will end. @type {boolean | undefined} */
  failed;
  #end = (/** @type {Error | undefined} */ _) => {};
  /** @type {Promise<void>} */
  promise = Promise.resolve();

  constructor() {
    this.begin();
  }

  /** From now on it is another one. */
  begin() {
    this.failed = undefined;
    this.promise = new Promise((resolve, reject) => {
      this.#end = (error) => (error ? reject(error) : resolve());
    });
    this.promise.catch(() => {}); // who does not wait for it need not know
  }

  /** Let it end; if it has ended the other way, another one. @param {Error} [error] */
  settle(error) {
    const failed = !!error;
    if (this.failed === !failed) this.begin();
    this.failed = failed;
    this.#end(error);
  }
}
