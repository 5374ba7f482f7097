import { join } from 'node:path';

/** Returns the settings of an installation on a SQLite file, whichever engine the suite runs on. */
export function embedded(dataDirectory: string): Record<string, string> {
  return {
    INKSONG_DATA_DIR: dataDirectory,
    DATABASE_URL: join(dataDirectory, 'inksong.db'),
    INKSONG_SECRET: '',
    INKSONG_PUBLIC_URL: '',
  };
}
