/** A logger that keeps what it is told. */
import type { LoggerService } from '@backstage/backend-plugin-api';

/**
 * Makes it.
 *
 * @param lines - Where it keeps that, each with its level in front, such as `warn: …`.
 */
export function recorder(lines: string[]): LoggerService {
  const at = (level: string) => (message: string, meta?: object) => {
    lines.push(`${level}: ${message}${meta instanceof Error ? ` ${meta.stack}` : ''}`);
  };
  return {
    error: at('error'),
    warn: at('warn'),
    info: at('info'),
    debug: () => {},
    child: () => recorder(lines),
  };
}
