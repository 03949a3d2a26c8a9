/** A table that can be sorted, and whose rows change in place. */

import { make, say } from './dom.js';
import { sorted } from './overview.js';

/** @template T */
export class Table {
  #columns;
  #by;
  #descending;
  /** @type {T[]} */ #rows = [];
  #body = make('tbody', { role: 'rowgroup' });
  /** @type {HTMLTableCellElement[]} */ #heads;
  /** @type {HTMLElement} */ element;

  /**
   * @param {string} title
   * @param {import('./types.js').Column<T>[]} columns
   * @param {string} by the name of the column that it is sorted by
   * @param {boolean} descending
   */
  constructor(title, columns, by, descending) {
    this.#columns = columns;
    this.#by = by;
    this.#descending = descending;
    this.#heads = columns.map((column) => {
      const button = make('button', { type: 'button' }, column.title);
      button.addEventListener('click', () => this.#sort(column.name));
      return make('th', { role: 'columnheader', scope: 'col' }, button);
    });
    const head = make('thead', { role: 'rowgroup' }, make('tr', { role: 'row' }, ...this.#heads));
    // The roles stay although narrow screens show each row as a card, which would else make it no table any more.
    const table = make('table', { role: 'table' }, make('caption', {}, title), head, this.#body);
    this.element = make('div', { class: 'table', tabindex: '0', role: 'region', 'aria-label': title }, table);
    this.#mark();
  }

  /** @param {T[]} rows */
  show(rows) {
    this.#rows = rows;
    const ordered = sorted(
      rows,
      /** @type {any} */ (this.#columns.find(({ name }) => name === this.#by)),
      this.#descending,
    );
    while (this.#body.rows.length < ordered.length) this.#body.append(this.#row());
    while (this.#body.rows.length > ordered.length) this.#body.deleteRow(-1);
    ordered.forEach((row, n) => {
      const { cells } = this.#body.rows[n];
      this.#columns.forEach(({ text }, column) => say(cells[column], text(row)));
    });
  }

  #row() {
    const cells = this.#columns.map(({ name, title }) =>
      make('td', { role: 'cell', 'data-title': title, class: `of-${name}` }),
    );
    return make('tr', { role: 'row' }, ...cells);
  }

  /** @param {string} name */
  #sort(name) {
    this.#descending = name === this.#by ? !this.#descending : false;
    this.#by = name;
    this.#mark();
    this.show(this.#rows);
  }

  #mark() {
    this.#columns.forEach(({ name }, n) => {
      if (name === this.#by) this.#heads[n].setAttribute('aria-sort', this.#descending ? 'descending' : 'ascending');
      else this.#heads[n].removeAttribute('aria-sort');
    });
  }
}
