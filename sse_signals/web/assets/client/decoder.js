/**
 * Decoding: an event stream, in whatever pieces it arrives, becomes blocks.
 * The rules are those of the HTML standard, section 9.2.6 "Interpreting an event stream".
 *
 * @import { Block } from './internal.js'
 */

export class Decoder {
  #text = new TextDecoder();
  #afterCr = false;
  #line = '';
  #data = '';
  #event = '';
  #id;
  /** Milliseconds the server asks to wait before a reconnect, once it has asked. @type {number | undefined} */
  retry;

  /** @param {string} id the id that the response was asked to resume after */
  constructor(id) {
    this.#id = id;
  }

  /**
   * Take the next bytes, and yield the blocks they complete. An event of more than 1 MiB is a RangeError.
   *
   * @param {Uint8Array} bytes characters, line ends and events may be cut anywhere
   * @returns {Generator<Block, void>}
   */
  *feed(bytes) {
    let text = this.#text.decode(bytes, { stream: true });
    if (!text) return;
    if (this.#afterCr && text[0] === '\n') text = text.slice(1);
    this.#afterCr = text.endsWith('\r');
    const lines = text.split(/\r\n|\r|\n/);
    const rest = /** @type {string} */ (lines.pop());
    for (const part of lines) {
      const line = this.#line + part;
      this.#line = '';
      if (line) {
        this.#field(line);
      } else {
        const data = this.#data;
        const event = this.#event || 'message';
        this.#data = this.#event = '';
        if (data) yield { id: this.#id, event, data: data.slice(0, -1) };
      }
    }
    this.#line += rest;
    if (this.#data.length + this.#line.length > 2 ** 20) throw new RangeError('too-large');
  }

  /** @param {string} line */
  #field(line) {
    const [, name, value] = /** @type {string[]} */ (/^([^:]*):? ?(.*)/s.exec(line));
    if (name === 'data') this.#data += value + '\n';
    else if (name === 'event') this.#event = value;
    else if (name === 'id' && !value.includes('\0')) this.#id = value;
    else if (name === 'retry' && /^\d+$/.test(value)) this.retry = +value;
  }
}
