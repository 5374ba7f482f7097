/** A change of one source file of the server: text that stands in it once, and what is put in its place. */
export interface PlantedDefect {
  /** In a few words. */
  what: string;
  /** Below server/src. */
  file: string;
  replace: string;
  by: string;
}

/** Returns the settings under which every Node process runs the server with a defect. */
export function withDefect(defect: PlantedDefect): Record<string, string> {
  return {
    NODE_OPTIONS: `--import=${import.meta.resolve('./plant.ts')}`,
    // Not INKSONG_…: the server refuses settings that it does not know.
    FAULTS_PLANTED_DEFECT: JSON.stringify(defect),
  };
}

/** Returns a source text with a defect in it. Throws unless the text to replace stands in it exactly once. */
export function plant(source: string, { file, replace, by }: PlantedDefect): string {
  const parts = source.split(replace);
  if (parts.length !== 2) throw new Error(`${file} holds ${parts.length - 1} times: ${replace}`);
  return parts.join(by);
}
