/** Waits until an assertion holds; throws its last failure otherwise. */
export async function eventually(assertion: () => void | Promise<void>, within = 10_000): Promise<void> {
  const end = Date.now() + within;
  for (;;) {
    try {
      await assertion();
      return;
    } catch (error) {
      if (Date.now() > end) {
        throw error;
      }
    }
    await new Promise(resolve => setTimeout(resolve, 20));
  }
}
