// Web Locks, as a browser has them.

/** Web Locks, of one browser. */
export class Locks {
  held = new Map();
  queues = new Map();

  request(name, { signal, steal } = {}, callback) {
    return new Promise((resolve, reject) => {
      const wish = { callback, resolve, reject };
      const queue = this.queues.get(name) ?? this.queues.set(name, []).get(name);
      signal?.addEventListener('abort', () => {
        const at = queue.indexOf(wish);
        if (at >= 0) queue.splice(at, 1) && reject(signal.reason);
      });
      if (steal) {
        const holder = this.held.get(name);
        this.held.delete(name);
        holder?.reject(new DOMException('stolen', 'AbortError'));
        queue.unshift(wish);
      } else {
        queue.push(wish);
      }
      queueMicrotask(() => this.#next(name));
    });
  }

  #next(name) {
    const queue = this.queues.get(name);
    if (this.held.has(name) || !queue.length) return;
    const wish = queue.shift();
    this.held.set(name, wish);
    Promise.resolve(wish.callback({ name })).then((value) => {
      if (this.held.get(name) !== wish) return;
      this.held.delete(name);
      wish.resolve(value);
      this.#next(name);
    });
  }
}
