/** Dark, light, or as the system says. */

const KEY = 'signals-console-theme';

/** @param {HTMLSelectElement} choice */
export function theme(choice) {
  const apply = () => {
    if (choice.value === 'auto') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = choice.value;
  };
  try {
    const kept = localStorage.getItem(KEY) ?? 'auto';
    if ([...choice.options].some(({ value }) => value === kept)) choice.value = kept;
  } catch {
    // there is no storage here: it holds for this page
  }
  choice.addEventListener('change', () => {
    apply();
    try {
      localStorage.setItem(KEY, choice.value);
    } catch {
      // as above
    }
  });
  apply();
}
