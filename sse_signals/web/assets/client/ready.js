/** A promise that can be asked for before anybody knows how it will end. */

export class Ready {
  /** @type {(error?: Error) => void} */
  settle = () => {};
  settled = false;
  /** @type {Promise<void>} */
  promise = new Promise((resolve, reject) => {
    this.settle = (error) => {
      this.settled = true;
      error ? reject(error) : resolve();
    };
  });

  constructor() {
    this.promise.catch(() => {}); // who does not wait for it need not know
  }
}
