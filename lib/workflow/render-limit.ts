/** A machine that stops the process for longer than the limit each time has other troubles. */
const MAX_RENDER_TRIES = 8;

/**
 * Renders within the engine's `renderLimit`, which is a time of the clock and goes on while the process is not run. What has not used
 * as much of the processor, all tries together, is rendered again: a busy machine must not refuse a template.
 */
export function renderWithinLimit<Rendered>(limitMs: number, render: () => Rendered): Rendered {
  const before = process.threadCpuUsage();
  for (let tries = 1; ; tries += 1) {
    try {
      return render();
    } catch (error) {
      const { user, system } = process.threadCpuUsage(before);
      const isItsOwn = user + system >= limitMs * 1_000;
      if (isItsOwn || tries === MAX_RENDER_TRIES || !isOverTime(error)) throw error;
    }
  }
}

function isOverTime(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('template render limit exceeded');
}
